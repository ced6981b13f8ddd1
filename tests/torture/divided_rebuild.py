"""The operators' command, but even a small log is divided among processes: so trials need no long one to kill some."""

from __future__ import annotations

import sys

from projections import building
from projections.__main__ import main

if __name__ == "__main__":
    building.SMALL = 1  # type: ignore[misc]
    sys.exit(main(sys.argv[1:]))
