"""Dropping a file into a package is enough."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.discovery import import_all


@pytest.fixture
def dropped(tmp_path: Path) -> Iterator[str]:
    """A package with two modules, a `__main__` that must not run, and a sub-package."""
    name = "socai_dropped"
    package = tmp_path / name
    (package / "inner").mkdir(parents=True)
    for file in ("__init__.py", "zebra.py", "apple.py", "inner/__init__.py"):
        (package / file).write_text("")
    (package / "__main__.py").write_text("raise SystemExit")
    sys.path.insert(0, str(tmp_path))
    yield name
    sys.path.remove(str(tmp_path))
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


def test_every_direct_module_is_imported_in_order_of_names(dropped: str) -> None:
    modules = import_all(importlib.import_module(dropped))
    assert [module.__name__ for module in modules] == [f"{dropped}.apple", f"{dropped}.zebra"]


def test_a_module_that_cannot_be_imported_is_not_passed_over(dropped: str) -> None:
    package = importlib.import_module(dropped)
    (Path(next(iter(package.__path__))) / "broken.py").write_text("raise RuntimeError('broken')")
    importlib.invalidate_caches()
    with pytest.raises(RuntimeError, match="broken"):
        import_all(package)
