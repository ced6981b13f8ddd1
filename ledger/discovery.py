"""Import every module of a package, so that dropping a file into it is enough."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def import_all(package: ModuleType) -> list[ModuleType]:
    """All direct modules of `package`, imported, in order of their names; `__main__` and sub-packages are left out."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if not module.ispkg)
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names if name != "__main__"]
