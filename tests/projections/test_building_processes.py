"""A process that folds and dies ends the build, and nothing of it serves."""

from __future__ import annotations

import pytest

from ledger.errors import RebuildCut
from projections import log_pieces
from projections.building import build
from projections.database import Database
from projections.projection import PROJECTIONS
from tests.projections.built import fresh, is_whole
from tests.projections.tale import Tale
from tests.story import START


def test_a_process_that_is_killed_ends_a_build(tale: Tale, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    layouts = fresh(database, *PROJECTIONS.values())

    def kill(reached: int, upto: int) -> None:
        import multiprocessing

        for other in multiprocessing.active_children():
            other.kill()

    monkeypatch.setattr(log_pieces, "READ_AT_ONCE", 10)
    with pytest.raises(RebuildCut):
        build(tale.story.ledger, database, layouts, tale.story.ledger.head(), START, kill, processes=2)
    assert not any(is_whole(database, layout) for layout in layouts)
