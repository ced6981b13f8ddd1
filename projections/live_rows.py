"""The rows of a transaction on read tables: asked for by primary key, written as multi-row statements.

What is new is inserted, what was there is changed; the proof is told of both. A row that was put without having been
asked for is taken for new, which most are, and asked for only when the database knows better.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, select, tuple_
from sqlalchemy.exc import IntegrityError

from projections import writing
from projections.encoding import Encoder, Key, Lines, Row, encoder
from projections.proof import Proof
from projections.rows import Rows, increased, primary, shape

ASKED_AT_ONCE: Final = 500


class Change(NamedTuple):
    """What becomes of one row: `old` stands in the database, `new` is to; None where there is none."""

    key: Key
    old: Row | None
    new: Row | None


class LiveRows(Rows):
    """The rows of some tables during the transaction of `connection`; `proof`: the table with their set hashes."""

    def __init__(self, connection: Connection, tables: Mapping[str, Table], proof: Table | None = None) -> None:
        super().__init__(tables)
        self._connection = connection
        self._kept: dict[str, dict[Key, Row | None]] = {name: {} for name in tables}
        self._changed: dict[str, set[Key]] = {name: set() for name in tables}
        self._proof_table = proof
        self._proof = Proof()

    def expect(self, streams: Iterable[str]) -> None:
        """Read ahead: most rows have a stream as their key, and one question for all is cheaper than one for each."""
        keys = [(stream,) for stream in streams]
        for name, table in self._tables.items():
            if len(primary(table)) == 1 and not shape(table).sums:
                self._ask(name, [key for key in keys if key not in self._known[name]])

    def flush(self) -> int:
        """Write what changed; the number of rows written or deleted."""
        written = 0
        for name, table in self._tables.items():
            changes = [*self._changes(name), *self._sums(name, table)]
            written += self._write(name, table, changes)
            self._kept[name].update((change.key, change.new) for change in changes)
            self._changed[name].clear()
            self._added[name].clear()
        if self._proof_table is not None:
            self._proof.write(self._connection, self._proof_table)
        return written

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        self._known[name][key] = row
        self._changed[name].add(key)

    def _changes(self, name: str) -> list[Change]:
        kept, known = self._kept[name], self._known[name]
        self._ask(name, [key for key in self._changed[name] if known[key] is None and key not in kept])
        found = [Change(key, kept.get(key), known[key]) for key in self._changed[name]]
        return [change for change in found if change.old != change.new]

    def _sums(self, name: str, table: Table) -> list[Change]:
        added, kept, like = self._added[name], self._kept[name], shape(table)
        self._ask(name, [key for key in added if key not in kept])
        found = []
        for key, row in added.items():
            old = kept[key]
            new = row if old is None else increased(like, old, row, {sum_: row[sum_] for sum_ in like.sums})
            found.append(Change(key, old, new))
        return [change for change in found if change.old != change.new]

    def _write(self, name: str, table: Table, changes: list[Change]) -> int:
        form = encoder(table)
        fresh = _fresh(form, changes)
        try:
            writing.insert(self._connection, table, fresh)
        except IntegrityError:
            changes = self._asked_again(name, changes)
            fresh = _fresh(form, changes)
            writing.insert(self._connection, table, fresh)
        others = [change for change in changes if change.old is not None]
        changed = form.encoded([change.new for change in others if change.new is not None])
        writing.upsert(self._connection, table, changed)
        writing.remove(self._connection, table, [change.key for change in others if change.new is None])
        if self._proof_table is not None:
            before = form.encoded([change.old for change in others if change.old is not None])
            self._proof.add_all(name, before.lines, before.buckets, rows=-1)
            for now in (fresh, changed):
                self._proof.add_all(name, now.lines, now.buckets)
        return len(changes)

    def _asked_again(self, name: str, changes: list[Change]) -> list[Change]:
        """The same changes, now that we know which rows were there: some that were taken for new are not."""
        kept = self._kept[name]
        self._ask(name, [change.key for change in changes if change.key not in kept])
        again = [Change(change.key, kept[change.key], change.new) for change in changes]
        return [change for change in again if change.old != change.new]

    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        table, known, kept = self._tables[name], self._known[name], self._kept[name]
        columns = primary(table)
        kept.update(dict.fromkeys(keys))
        for start in range(0, len(keys), ASKED_AT_ONCE):
            some = keys[start : start + ASKED_AT_ONCE]
            wanted = columns[0].in_([key[0] for key in some]) if len(columns) == 1 else tuple_(*columns).in_(some)
            for row in self._connection.execute(select(table).where(wanted)).mappings():
                kept[tuple(row[column.name] for column in columns)] = dict(row)
        known.update((key, kept[key]) for key in keys if key not in known)


def _fresh(form: Encoder, changes: list[Change]) -> Lines:
    return form.encoded([change.new for change in changes if change.old is None and change.new is not None])
