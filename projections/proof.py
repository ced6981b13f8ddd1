"""The proof: beside its rows every table keeps a set hash for each day and merchant, changed together with them.

A row's hash is BLAKE2b over its line, two words of 64 bits; that of a set is the two sums of the words of its rows,
modulo 2^62 each, as numbers that fit into 64 bits with a sign. So rows can be added and taken away in any order, and
sets be put together: an incremental multiset hash by addition (Bellare and Micciancio, "A New Paradigm for
Collision-Free Hashing", 1997). It shows what was changed behind our back or by a fault of ours. It keeps nobody out who
may write these tables: what proves the rows is the log, from which `check` makes rows and proof anew.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import Connection, Table, select

from projections.columns import key, number, number_key, prose, table
from projections.encoding import Lines, encoder
from projections.writing import Statements

HALF: Final = 1 << 62
"""What the sums are taken modulo: two summands fit into 64 bits with a sign."""

MASK: Final = HALF - 1

HASHED: Final = "BLAKE2b, sums of two words of 8 bytes, little-endian, modulo 2^62; noted as words"
"""How rows are hashed, and changes noted. It is part of the definition of every projection: set hashes of two kinds
cannot be added, so tables that were proved in another way are built anew."""

NOTED_FOR: Final = 1 << 15
"""Log positions after which what was noted is added up."""

NOTED_MAX: Final = 60_000
"""Letters of one note: what the smallest type for long texts holds."""

Bucket = tuple[str, str, str]
"""Table (as declared), day (YYYY-MM-DD) and merchant; "" where a table has no such column or a row none."""

Word = tuple[tuple[str, str], int, int]
"""What one row counts for: the day and the merchant of its bucket, and the two words of its hash."""

Change = tuple[str, str, str, int, int, int]
"""A bucket, how many more rows it has, and what is to be added to the two halves of its sum."""

_SAME: Final = "="
"""In a note: the table or the day of the change before it."""

_WORDS: Final = 4
"""Of each change in a note."""

_SUMS: Final = struct.Struct("<QQ")
_fresh: Final = blake2b(digest_size=16).copy
"""A copy costs a third less than a hash that is made anew for each row."""


class SetHash(Struct, frozen=True):
    """How many rows, and the two halves of the sum of their hashes."""

    rows: int = 0
    low: int = 0
    high: int = 0


class Proof:
    """Changes of set hashes, not written yet."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[tuple[str, str], list[int]]] = {}

    def add_all(
        self, name: str, lines: Sequence[bytes], buckets: Sequence[tuple[str, str]], rows: Literal[1, -1] = 1
    ) -> list[Word]:
        """So many more rows of the table `name`, or with `rows` -1 so many less; `buckets`: day and merchant of each.

        Gives the words of each row, so that it can be taken away without being hashed again.
        """
        digests = []
        for line in lines:
            digest = _fresh()
            digest.update(line)
            digests.append(digest.digest())
        halves = struct.unpack(f"<{2 * len(digests)}Q", b"".join(digests))
        words = list(zip(buckets, halves[::2], halves[1::2], strict=True))
        self.add_words(name, words, rows)
        return words

    def add_words(self, name: str, words: Iterable[Word], rows: Literal[1, -1] = 1) -> None:
        """The same of rows whose words are known.

        A word is congruent to its lower 62 bits, so nothing has to be cut off before the end.
        """
        sums = self._sums.setdefault(name, {})
        known = sums.get
        if rows < 0:
            words = [(bucket, -low, -high) for bucket, low, high in words]
        for bucket, low, high in words:
            standing = known(bucket)
            if standing is None:
                sums[bucket] = [rows, low, high]
            else:
                standing[0] += rows
                standing[1] += low
                standing[2] += high

    def merge(self, hashes: Mapping[Bucket, SetHash]) -> None:
        """These rows as well."""
        self._take((*bucket, found.rows, found.low, found.high) for bucket, found in hashes.items())

    def merge_notes(self, notes: Iterable[str]) -> None:
        """What was noted as well; a note that cannot be read counts as one row of no table."""
        for text in notes:
            try:
                changes = list(_changes(text))
            except (ValueError, struct.error):
                changes = [("", "", "", 1, 0, 0)]
            self._take(changes)

    def _take(self, changes: Iterable[Change]) -> None:
        for name, day, merchant, rows, low, high in changes:
            sums = self._sums.setdefault(name, {})
            standing = sums.get((day, merchant))
            if standing is None:
                sums[day, merchant] = [rows, low, high]
            else:
                standing[0] += rows
                standing[1] += low
                standing[2] += high

    def hashes(self) -> dict[Bucket, SetHash]:
        """What has come together; buckets in which nothing changed are left out."""
        return {(name, day, merchant): SetHash(*sums) for name, day, merchant, *sums in self._changed()}

    def write(self, statements: Statements, kept: Table) -> None:
        """Let `statements` add the changes to the table `kept`, and forget them here."""
        rows = [(*bucket, rows & MASK, low, high) for *bucket, rows, low, high in sorted(self._changed())]
        statements.add_up(kept, encoder(kept).as_stored(rows), HALF)
        self._sums.clear()

    def note(self, statements: Statements, kept: Table, noted: Table, position: int) -> None:
        """Let `statements` note the changes up to a position as one row of `noted`, and forget them here.

        That costs a fifth of adding them up, which `sum_up` does with those of many rounds at once.
        """
        changed = list(self._changed())
        text = _note(changed)
        # Somebody's id with a blank in it would be read as two words.
        if len(text) > NOTED_MAX or text.count(" ") != _WORDS * len(changed):
            self.write(statements, kept)
        elif changed:
            statements.insert(noted, encoder(noted).as_stored([(position, text)]))
        self._sums.clear()

    def _changed(self) -> Iterator[Change]:
        for name, sums in self._sums.items():
            for (day, merchant), (rows, low, high) in sums.items():
                if rows or low & MASK or high & MASK:
                    yield name, day, merchant, rows, low & MASK, high & MASK


def notes_of(connection: Connection, noted: Table) -> Sequence[str]:
    """What stands in a table of changes that are not added up yet. Raises what the driver raises."""
    return connection.scalars(select(noted.c.changes)).all()


def sum_up(statements: Statements, notes: Iterable[str], kept: Table, noted: Table) -> None:
    """Let `statements` add up in `kept` all that stands in `noted`, and clear it; `notes`: what `notes_of` gave."""
    proof = Proof()
    proof.merge_notes(notes)
    proof.write(statements, kept)
    statements.clear(noted)


def is_to_be_summed(after: int, upto: int) -> bool:
    """Whether changes are to be added up before those of the positions after < position <= upto are noted."""
    return after // NOTED_FOR < upto // NOTED_FOR


def proof_table(name: str) -> Table:
    """The table that keeps the set hashes of the tables of one projection."""
    return table(
        name, key("of_table"), key("day"), key("merchant_id"), number("rows_kept"), number("low"), number("high")
    )


def noted_table(name: str) -> Table:
    """The table of changes that are not added up yet: those of one round in each row, as text."""
    return table(name, number_key("position"), prose("changes"))


def kept_hashes(connection: Connection, kept: Table, noted: Table) -> dict[Bucket, SetHash]:
    """The set hashes that stand in two such tables, those of no rows left out. See `Proof.merge_notes`."""
    standing = Proof()
    standing.merge(_summed(connection, kept))
    standing.merge_notes(notes_of(connection, noted))
    return standing.hashes()


def _note(changed: Sequence[Change]) -> str:
    """Changes as text: table, day, merchant and rows of each, then all sums in one; a blank between any two words.

    What a server takes in costs it by the letter, and twice for a quote; so this is half of what JSON would be.
    """
    words: list[str] = []
    sums: list[int] = []
    name_before = day_before = ""
    for name, day, merchant, rows, low, high in changed:
        same_name, same_day = name == name_before, day == day_before
        words.append(f"{_SAME if same_name else name} {_SAME if same_day else day} {merchant} {rows}")
        sums += low, high
        name_before, day_before = name, day
    words.append(b64encode(struct.pack(f"<{len(sums)}Q", *sums)).decode())
    return " ".join(words)


def _changes(text: str) -> Iterator[Change]:
    """The changes of a note. Raises ValueError or struct.error when it is none."""
    *words, sums = text.split(" ")
    if not words:
        raise ValueError("a note of nothing")
    columns = [words[n::_WORDS] for n in range(_WORDS)]
    name = day = ""
    for (name_, day_, merchant, rows), (low, high) in zip(
        zip(*columns, strict=True), struct.iter_unpack("<QQ", b64decode(sums, validate=True)), strict=True
    ):
        name = name if name_ == _SAME else name_
        day = day if day_ == _SAME else day_
        yield name, day, merchant, int(rows), low, high


def _summed(connection: Connection, kept: Table) -> dict[Bucket, SetHash]:
    columns = kept.c
    found = connection.execute(select(kept)).mappings()
    return {
        (row[columns.of_table], row[columns.day], row[columns.merchant_id]): SetHash(
            row[columns.rows_kept], row[columns.low], row[columns.high]
        )
        for row in found
    }


def hashes_of(tables: Iterable[tuple[str, Lines]]) -> dict[Bucket, SetHash]:
    """The set hashes of rows given as (table, rows), of one table as often as you like."""
    proof = Proof()
    for name, rows in tables:
        proof.add_all(name, rows.lines, rows.buckets)
    return proof.hashes()
