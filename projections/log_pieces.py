"""One reading of the log for all processes of a build: each is handed what it takes, in order, and nothing else.

Reading an event and comparing its checksum costs a seventh of folding it, handing it on a tenth of that. So the process
that builds reads ahead in a thread, and the others hear through a pipe.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from multiprocessing.connection import Connection
from typing import Final

import msgspec

from ledger.event_log import Recorded
from ledger.store import Ledger
from projections.follower import read_rows
from projections.units import Takers

READ_AT_ONCE: Final = 2_000

AHEAD: Final = 32
"""Pieces that wait for a process: whoever writes rows out for a second does not hold up the others."""

LOOK_S: Final = 0.05

_HERE: Final = 0
"""The number of the process that builds; the others are counted from 1."""


class Piece(msgspec.Struct, array_like=True, gc=False):
    """The events of a piece of the log that one process takes, and which of its units take each, as bits (`Taking`).

    `upto`: the position of the last event of the piece.
    """

    upto: int
    rows: list[Recorded]
    units: list[int]


_packed: Final = msgspec.msgpack.Encoder().encode
_unpacked: Final = msgspec.msgpack.Decoder(Piece).decode


class LogReader:
    """Reads a log up to a position, once, in a thread. `takers` gives the processes that take an event.

    `pipes`: of the other processes, by their number. `size`: events in a piece, at most.
    """

    def __init__(self, ledger: Ledger, upto: int, size: int, takers: Takers, pipes: Mapping[int, Connection]) -> None:
        self._ledger = ledger
        self._upto = upto
        self._size = size
        self._takers = takers
        self._handing = {number: _Handing(pipe) for number, pipe in pipes.items()}
        self._position = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="reading")

    def pieces(self, meanwhile: Callable[[], None]) -> Iterator[Piece]:
        """What of each piece is for the process that builds. `meanwhile` is called while it waits for one.

        Raises EventStoreUnavailable, LogDamaged at a hole, LogCutShort.
        """
        return _taken_ahead(self._thread, self._read, meanwhile)

    def close(self) -> None:
        """Read and hand on nothing more. Whoever would take it must have ended."""
        self._thread.shutdown(cancel_futures=True)
        for handing in self._handing.values():
            handing.close()

    def _read(self) -> Piece | None:
        if self._position >= self._upto:
            return None
        rows = read_rows(self._ledger, self._position, min(self._size, self._upto - self._position))
        self._position = rows[-1].position
        pieces = {number: Piece(self._position, [], []) for number in (_HERE, *self._handing)}
        of = self._takers.of
        for row in rows:
            for number, units in of(row):
                piece = pieces[number]
                piece.rows.append(row)
                piece.units.append(units)
        for number, handing in self._handing.items():
            handing.hand(pieces[number])
        return pieces[_HERE]


class _Handing:
    """Hands pieces to one process, in a thread: it starts later than the log is read, and stops to write rows out."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="handing")
        self._waiting: deque[Future[None]] = deque()

    def hand(self, piece: Piece) -> None:
        if len(self._waiting) == AHEAD:
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._send, _packed(piece)))

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _send(self, packed: bytes) -> None:
        try:
            self._pipe.send_bytes(packed)
        except OSError:
            # Who takes no more has ended; why, is heard from it or from its end (`Progress`).
            return


class PieceReceiver:
    """Takes the pieces of a log up to a position from the process that reads it."""

    def __init__(self, pipe: Connection, upto: int) -> None:
        self._pipe = pipe
        self._upto = upto
        self._position = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="receiving")

    def pieces(self) -> Iterator[Piece]:
        """What is handed to this process. Raises EOFError or OSError when nobody reads the log any more."""
        return _taken_ahead(self._thread, self._receive, lambda: None)

    def close(self) -> None:
        """Take nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _receive(self) -> Piece | None:
        if self._position >= self._upto:
            return None
        piece = _unpacked(self._pipe.recv_bytes())
        self._position = piece.upto
        return piece


def _taken_ahead(
    thread: ThreadPoolExecutor, take: Callable[[], Piece | None], meanwhile: Callable[[], None]
) -> Iterator[Piece]:
    coming = deque(thread.submit(take) for _ in range(AHEAD))
    while (piece := _awaited(coming.popleft(), meanwhile)) is not None:
        coming.append(thread.submit(take))
        yield piece


def _awaited(coming: Future[Piece | None], meanwhile: Callable[[], None]) -> Piece | None:
    while not wait([coming], LOOK_S).done:
        meanwhile()
    return coming.result()
