"""The past by the plainest of means: all events of the log that count, folded in order, into plain dictionaries.

Nothing here is shared with what it judges but the projections' folds themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import date
from typing import Any

from sqlalchemy import Table

from ledger.accounts import Account
from ledger.aggregate import Envelope
from ledger.journal import JournalEntry
from projections.encoding import Key, Row
from projections.projection import Projection
from projections.rows import KnownRows


def counting(log: Sequence[Envelope], position: int, day: date | None) -> list[Envelope]:
    """The events recorded up to a position, in effect up to a day."""
    return [one for one in log if one.position <= position and (day is None or one.effective_on <= day)]


def sides(events: Sequence[Envelope]) -> dict[tuple[str, str], list[int]]:
    """Debited, credited and held of each account and currency that anything is known of."""
    books: dict[tuple[str, str], list[int]] = {}
    for envelope in events:
        event = envelope.event
        if isinstance(event, JournalEntry.Posted):
            for leg in event.postings:
                sums = books.setdefault((leg.account, leg.amount.currency), [0, 0, 0])
                if leg.amount.units > 0:
                    sums[0] += leg.amount.units
                else:
                    sums[1] -= leg.amount.units
        elif isinstance(event, Account.Opened):
            books.setdefault((envelope.stream, event.currency), [0, 0, 0])
        elif isinstance(event, Account.HoldPlaced):
            books.setdefault((envelope.stream, event.amount.currency), [0, 0, 0])[2] += event.amount.units
        elif isinstance(event, Account.HoldReleased | Account.HoldCaptured):
            books.setdefault((envelope.stream, event.amount.currency), [0, 0, 0])[2] -= event.amount.units
    return books


class _NothingThere(Exception):
    pass


class _Dictionaries(KnownRows):
    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        self._known[name].update(dict.fromkeys(keys))

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        self._known[name][key] = row

    def must_get(self, table: Table, *key: Any) -> Row:
        found = self.get(table, *key)
        if found is None:
            raise _NothingThere
        return found

    def all(self) -> dict[str, dict[Key, Row | None]]:
        return self._known

    def again(self, known: dict[str, dict[Key, Row | None]]) -> None:
        self._known = known


def folded(projection: Projection, events: Sequence[Envelope]) -> dict[str, list[Row]]:
    """The rows of every table after these events, in order of their keys; what finds no row is passed over."""
    rows = _Dictionaries({str(table.name): table for table in projection.tables})
    for envelope in events:
        before = deepcopy(rows.all())
        try:
            projection.fold(rows, envelope)
        except _NothingThere:
            rows.again(before)
    return {name: [row for _, row in sorted(known.items()) if row is not None] for name, known in rows.all().items()}
