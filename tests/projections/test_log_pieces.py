"""The log is read once for all processes of a build, and each is handed what it takes, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Event, Thread

import pytest

from ledger.errors import EventStoreUnavailable
from ledger.event_log import Recorded
from ledger.store import Ledger
from projections import log_pieces
from projections.follower import read_rows
from projections.log_pieces import LogReader, Piece, PieceReceiver
from projections.units import SHARES, Takers, Unit
from tests.projections.planted import Planted

EVENTS = 57


@pytest.fixture
def told(ledger: Ledger, planted: Planted) -> Ledger:
    """A log of EVENTS events of some streams."""
    planted.happens(ledger, *(("add", f"tl_{number % 11}") for number in range(EVENTS)))
    return ledger


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    """Both ends."""
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def _takers(planted: Planted, *ends: int) -> Takers:
    """Process n takes the streams up to the n-th of these ends, by the n-th of its units."""
    parts = zip([0, *ends], ends, strict=False)
    nothing = Unit("tallies", "", 0, 0)
    units = [[*[nothing] * number, Unit("tallies", "", *part)] for number, part in enumerate(parts)]
    return Takers(units, {"tallies": planted.tallies})


def _nothing() -> None:
    """Nothing happens meanwhile."""


def test_alone_a_process_gets_the_whole_log_in_pieces(told: Ledger, planted: Planted) -> None:
    with closing(LogReader(told, EVENTS, 10, _takers(planted, SHARES), {})) as reader:
        pieces = list(reader.pieces(_nothing))
    assert [piece.upto for piece in pieces] == [10, 20, 30, 40, 50, 57]
    assert [row for piece in pieces for row in piece.rows] == told.recorded(0, EVENTS)
    assert [units for piece in pieces for units in piece.units] == [1] * EVENTS


def test_each_process_is_handed_its_streams_and_hears_of_every_piece(
    told: Ledger, planted: Planted, pipe: tuple[Connection, Connection]
) -> None:
    ours, theirs = pipe
    handed: list[Piece] = []

    def take() -> None:
        with closing(PieceReceiver(theirs, EVENTS)) as receiver:
            handed.extend(receiver.pieces())

    taking = Thread(target=take)
    taking.start()
    with closing(LogReader(told, EVENTS, 10, _takers(planted, SHARES // 2, SHARES), {1: ours})) as reader:
        here = list(reader.pieces(_nothing))
        taking.join()
    assert [piece.upto for piece in handed] == [piece.upto for piece in here]
    mine, others = ([row for piece in pieces for row in piece.rows] for pieces in (here, handed))
    assert mine
    assert others
    assert sorted([*mine, *others], key=lambda row: row.position) == told.recorded(0, EVENTS)
    assert not {row.stream for row in mine} & {row.stream for row in others}
    assert [units for piece in handed for units in piece.units] == [0b10] * len(others)


def test_an_empty_log_is_at_its_end_for_everyone(
    ledger: Ledger, planted: Planted, pipe: tuple[Connection, Connection]
) -> None:
    with closing(LogReader(ledger, 0, 10, _takers(planted, SHARES), {})) as reader:
        assert list(reader.pieces(_nothing)) == []
    with closing(PieceReceiver(pipe[1], 0)) as receiver:
        assert list(receiver.pieces()) == []


def test_reading_goes_on_when_another_process_has_ended_without_a_word(
    told: Ledger, planted: Planted, pipe: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else finds out."""
    monkeypatch.setattr(log_pieces, "AHEAD", 2)
    ours, theirs = pipe
    theirs.close()
    with closing(LogReader(told, EVENTS, 5, _takers(planted, SHARES // 2, SHARES), {1: ours})) as reader:
        assert [piece.upto for piece in reader.pieces(_nothing)][-1] == EVENTS


def test_who_is_handed_pieces_hears_that_nobody_reads_any_more(pipe: tuple[Connection, Connection]) -> None:
    ours, theirs = pipe
    ours.close()
    with closing(PieceReceiver(theirs, EVENTS)) as receiver, pytest.raises((EOFError, OSError)):
        list(receiver.pieces())


def test_what_reading_raises_is_raised_where_pieces_are_taken(planted: Planted, told: Ledger) -> None:
    told.close()
    with (
        closing(LogReader(told, EVENTS, 10, _takers(planted, SHARES), {})) as reader,
        pytest.raises(EventStoreUnavailable),
    ):
        list(reader.pieces(_nothing))


def test_somebody_else_is_heard_while_a_piece_is_awaited(
    told: Ledger, planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, heard = Event(), list[int]()

    def slowly(ledger: Ledger, after: int, limit: int) -> list[Recorded]:
        assert go_on.wait(30)
        return read_rows(ledger, after, limit)

    def meanwhile() -> None:
        heard.append(1)
        go_on.set()

    monkeypatch.setattr(log_pieces, "read_rows", slowly)
    with closing(LogReader(told, EVENTS, 10, _takers(planted, SHARES), {})) as reader:
        assert sum(len(piece.rows) for piece in reader.pieces(meanwhile)) == EVENTS
    assert heard
