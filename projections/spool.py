"""The folder of a build for rows on their way into the database; it goes with the build, even with one that was killed.

A folder is held by a lock that ends with its process, however that ends: whoever makes one removes those nobody holds.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Final

PREFIX: Final = "socai-spool-"
FRESH: Final = "socai-fresh-"
"""What the name begins with until the folder is held, so that nobody takes it for one that was left."""


class Spool:
    """An empty folder with the path `name`, readable by us alone. Raises OSError where none can be made."""

    def __init__(self) -> None:
        remove_left()
        fresh = Path(tempfile.mkdtemp(prefix=FRESH))
        held = os.open(fresh, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        self.name = str(fresh.rename(fresh.with_name(fresh.name.replace(FRESH, PREFIX))))
        self._end = weakref.finalize(self, _remove, self.name, held)

    def cleanup(self) -> None:
        """Remove the folder and what is in it; harmless when repeated."""
        self._end()


def remove_left() -> None:
    """Remove the folders of processes that were killed; those of others who work are left alone."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            held = os.open(left, os.O_RDONLY)
        except OSError:
            continue  # gone meanwhile, or somebody else's
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            continue
        _remove(str(left), held)


def _remove(folder: str, held: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(held)
