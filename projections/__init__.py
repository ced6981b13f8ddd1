"""Read models: tables folded from the log, rebuilt at any time, and the only place where SQL is written."""

from __future__ import annotations

import sys

from ledger.discovery import import_all
from projections.places import positions
from projections.projection import PROJECTIONS, Projection

__all__ = ["PROJECTIONS", "Projection", "positions"]

import_all(sys.modules[__name__])
