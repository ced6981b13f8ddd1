"""The rows of a transaction on read tables: asked for by primary key, written as multi-row statements.

What is new is inserted, what was there is changed; the proof is told of both. Most rows that are put without having
been asked for are new. So `write` takes them for new, and the database refuses where that is wrong; `flush` asks first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from sqlalchemy import Connection, Table

from projections.asking import Question, found
from projections.encoding import Key, Lines, Row, encoder
from projections.proof import Proof, Word
from projections.recent import UNKNOWN, RecentRows, Seen
from projections.rows import Habit, KnownRows, increased, primary, shape
from projections.writing import Statements

Wanted = dict[str, Sequence[Key]]
"""Keys by declared table."""


class Change(NamedTuple):
    """What becomes of one row: `old` stands in the database, `new` is to; None where there is none."""

    key: Key
    old: Row | None
    new: Row | None


class Written(NamedTuple):
    """What was written to a table: the changes that left a row there, and its `lines`.

    `before`: the lines of rows that stood there before; `known`: what others that did so counted for in the proof.
    """

    table: str
    changes: Sequence[Change]
    lines: Lines
    before: Lines
    known: Sequence[Word]


class LiveRows(KnownRows):
    """The rows of some tables during the transaction of `connection`.

    `proof`: the table with their set hashes; `recent`: rows as they stand, so that they need not be asked for.
    """

    def __init__(
        self,
        connection: Connection,
        tables: Mapping[str, Table],
        proof: Table | None = None,
        recent: RecentRows | None = None,
    ) -> None:
        super().__init__(tables)
        self._connection = connection
        self._kept: dict[str, dict[Key, Row | None]] = {name: {} for name in tables}
        self._changed: dict[str, set[Key]] = {name: set() for name in tables}
        self._proof_table = proof
        self._proof = Proof()
        self._unproven: list[Written] = []
        self._words: dict[str, dict[Key, tuple[Row, Word]]] = {}
        self._recent = recent
        self._stream = ""
        self._habit = Habit()
        self._guesses: dict[tuple[str, Key], Habit] = {}

    @property
    def seen(self) -> Seen:
        """The rows that were asked for or written, as they stand since the last writing."""
        return Seen(self._kept, self._words)

    def begin(self, stream: str, habit: Habit) -> None:
        """What is asked for or put from now on follows from an event of `stream`; `habit` learns from it."""
        self._stream, self._habit = stream, habit

    def expected(self, streams: Mapping[str, Iterable[str]], fresh: Collection[str] = ()) -> Wanted:
        """What to read ahead: most rows have a stream as their key, and one question is cheaper than one for each.

        `streams`: the tables that will be asked for a row under each stream; `fresh`: streams of which surely
        no row was written yet.
        """
        none: dict[Key, Row | None] = {(stream,): None for stream in fresh}
        wanted: dict[str, list[Key]] = {}
        for name, table in self._tables.items():
            if len(primary(table)) == 1 and not shape(table).sums:
                self._kept[name].update(none)
                self._known[name].update(none)
                wanted[name] = []
        for stream, names in streams.items():
            for name in names:
                if (stream,) not in self._known[name]:
                    wanted[name].append((stream,))
        return dict(wanted)

    def lacking(self, *, careful: bool = False) -> Wanted:
        """What must be known before `write`: with `careful` whatever stands where something was put unasked."""
        wanted: Wanted = {}
        for name, kept in self._kept.items():
            known, added = self._known[name], self._added[name]
            unasked = [key for key in (*self._changed[name], *added) if key not in kept]
            wanted[name] = [key for key in unasked if careful or key in added or known[key] is None]
        return wanted

    def flush(self) -> int:
        """Write what changed, and ask for what stands there before; the number of rows written or deleted."""
        read(self._connection, [(self, self.lacking(careful=True))])
        for (name, key), habit in self._guesses.items():
            if self._kept[name][key] is not None:
                habit.asks.add(name)
        self._guesses.clear()
        statements = Statements(self._connection)
        written = self.write(statements)
        self.prove(statements)
        statements.send()
        return written

    def write(self, statements: Statements) -> int:
        """Let `statements` write what changed; the number of rows. What `lacking` names must have been read.

        What was put unasked is taken for new. Sending raises IntegrityError when it was not: roll back then.
        """
        written = 0
        for name, table in self._tables.items():
            changes = [*self._changes(name), *self._sums(name, table)]
            if changes:
                self._write(statements, name, table, changes)
            written += len(changes)
            self._kept[name].update((change.key, change.new) for change in changes)
            self._changed[name].clear()
            self._added[name].clear()
        return written

    def prove(self, statements: Statements, noted: Table | None = None, position: int = 0) -> None:
        """Let `statements` tell the proof of all that was written since it was told last.

        By itself, so that it is worked out while a server executes what was sent on its way. With `noted`, the changes
        up to this position are only noted there, see `Proof.note`.
        """
        if self._proof_table is not None:
            for written in self._unproven:
                self._count(written)
            if noted is None:
                self._proof.write(statements, self._proof_table)
            else:
                self._proof.note(statements, self._proof_table, noted, position)
        self._unproven.clear()

    def _count(self, written: Written) -> None:
        name, lines, before = written.table, written.lines, written.before
        words = self._proof.add_all(name, lines.lines, lines.buckets)
        self._proof.add_all(name, before.lines, before.buckets, rows=-1)
        self._proof.add_words(name, written.known, rows=-1)
        if self._recent is not None and name in self._recent.changing:
            self._words[name] = {
                key: (new, word) for (key, _, new), word in zip(written.changes, words, strict=True) if new is not None
            }

    def table(self, name: str) -> Table:
        """The physical table behind a declared one."""
        return self._tables[name]

    def _set(self, name: str, key: Key, row: Row | None) -> None:
        known = self._known[name]
        if key == (self._stream,) and key not in known:
            self._guesses[name, key] = self._habit
            self._habit.makes.add(name)
        known[key] = row
        self._changed[name].add(key)

    def _changes(self, name: str) -> list[Change]:
        kept, known = self._kept[name], self._known[name]
        found = [Change(key, kept.get(key), known[key]) for key in self._changed[name]]
        return [change for change in found if change.old != change.new]

    def _sums(self, name: str, table: Table) -> list[Change]:
        added, kept, like = self._added[name], self._kept[name], shape(table)
        found = []
        for key, row in added.items():
            old = kept[key]
            new = row if old is None else increased(like, old, row, {sum_: row[sum_] for sum_ in like.sums})
            found.append(Change(key, old, new))
        return [change for change in found if change.old != change.new]

    def _write(self, statements: Statements, name: str, table: Table, changes: list[Change]) -> None:
        others = [change for change in changes if change.old is not None]
        fresh = [change for change in changes if change.old is None] if others else changes
        now = [change for change in (*fresh, *others) if change.new is not None]
        known, before = self._stood(name, others)
        # In one go: for a few rows most of it is what a call costs.
        rows = encoder(table).encoded([*(change.new for change in now if change.new is not None), *before])
        statements.insert(table, rows.some(0, len(fresh)))
        statements.upsert(table, rows.some(len(fresh), len(now)))
        statements.remove(table, [change.key for change in others if change.new is None])
        self._unproven.append(Written(name, now, rows.some(0, len(now)), rows.some(len(now), len(rows.lines)), known))

    def _stood(self, name: str, others: Sequence[Change]) -> tuple[list[Word], list[Row]]:
        """What these rows counted for, as far as that is remembered, and the rows of which it is not."""
        known: list[Word] = []
        unknown: list[Row] = []
        if self._recent is not None and others:
            self._recent.changing.add(name)
        for key, row, _ in others if self._proof_table is not None else ():
            word = None if self._recent is None or row is None else self._recent.word(name, key, row)
            if word is not None:
                known.append(word)
            elif row is not None:
                unknown.append(row)
        return known, unknown

    def _ask(self, name: str, keys: Sequence[Key]) -> None:
        if keys == [(self._stream,)]:
            self._habit.asks.add(name)
        read(self._connection, [(self, {name: keys})])

    def unknown(self, name: str, keys: Sequence[Key]) -> Sequence[Key]:
        """The keys to ask the database for; the rows of the others are known from before."""
        if self._recent is None:
            return keys
        unknown = []
        for key in keys:
            row = self._recent.get(name, key)
            if row is UNKNOWN:
                unknown.append(key)
            else:
                self.take(name, [key], {key: cast(Row, row)} if row is not None else {})
        return unknown

    def take(self, name: str, keys: Sequence[Key], found: Mapping[Key, Row]) -> None:
        """What stands under these keys, or nothing."""
        kept, known = self._kept[name], self._known[name]
        for key in keys:
            kept[key] = found.get(key)
            known.setdefault(key, kept[key])


def read(connection: Connection, wanted: Iterable[tuple[LiveRows, Wanted]]) -> None:
    """Ask for rows of several projections at once."""
    asked = [(rows, name, rows.unknown(name, keys)) for rows, of_rows in wanted for name, keys in of_rows.items()]
    asked = [(rows, name, keys) for rows, name, keys in asked if keys]
    answers = found(connection, [Question(rows.table(name), keys) for rows, name, keys in asked])
    for (rows, name, keys), answer in zip(asked, answers, strict=True):
        rows.take(name, keys, answer)
