"""The proof: beside its rows every table keeps a set hash for each day and merchant, changed together with them.

A row's hash is BLAKE2b over its line, two words of 64 bits; that of a set is the two sums of the words of its rows,
modulo 2^62 each, as numbers that fit into 64 bits with a sign. So rows can be added and taken away in any order, and
sets be put together: an incremental multiset hash by addition (Bellare and Micciancio, "A New Paradigm for
Collision-Free Hashing", 1997). It shows what was changed behind our back or by a fault of ours. It keeps nobody out who
may write these tables: what proves the rows is the log, from which `check` makes rows and proof anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import Connection, Table, select

from projections.columns import key, number, table
from projections.encoding import Lines, encoder
from projections.writing import Statements

HALF: Final = 1 << 62
"""What the sums are taken modulo: two summands fit into 64 bits with a sign."""

MASK: Final = HALF - 1

HASHED: Final = "BLAKE2b, sums of two words of 8 bytes, little-endian, modulo 2^62"
"""How rows are hashed. It is part of the definition of every projection: set hashes of two kinds cannot be added, so
tables that were proved in another way are built anew."""

Bucket = tuple[str, str, str]
"""Table (as declared), day (YYYY-MM-DD) and merchant; "" where a table has no such column or a row none."""


_fresh: Final = blake2b(digest_size=16).copy
"""A copy costs a third less than a hash that is made anew for each row."""


class SetHash(Struct, frozen=True):
    """How many rows, and the two halves of the sum of their hashes."""

    rows: int = 0
    low: int = 0
    high: int = 0

    def __add__(self, other: SetHash) -> SetHash:
        return SetHash(self.rows + other.rows, (self.low + other.low) & MASK, (self.high + other.high) & MASK)


class Proof:
    """Changes of set hashes, not written yet."""

    def __init__(self) -> None:
        self._sums: dict[Bucket, tuple[int, int, int]] = {}

    def add_all(
        self, name: str, lines: Sequence[bytes], buckets: Sequence[tuple[str, str]], rows: Literal[1, -1] = 1
    ) -> None:
        """So many more rows of the table `name`, or with `rows` -1 so many less; `buckets`: day and merchant of each.

        A word is congruent to its lower 62 bits, so nothing has to be cut off before the end.
        """
        digests: dict[tuple[str, str], list[bytes]] = {}
        for bucket, line in zip(buckets, lines, strict=True):
            digest = _fresh()
            digest.update(line)
            if bucket in digests:
                digests[bucket].append(digest.digest())
            else:
                digests[bucket] = [digest.digest()]
        for (day, merchant), some in digests.items():
            words = struct.unpack(f"<{2 * len(some)}Q", b"".join(some))
            self._add((name, day, merchant), rows * len(some), rows * sum(words[::2]), rows * sum(words[1::2]))

    def merge(self, hashes: Mapping[Bucket, SetHash]) -> None:
        """These rows as well."""
        for bucket, found in hashes.items():
            self._add(bucket, found.rows, found.low, found.high)

    def hashes(self) -> dict[Bucket, SetHash]:
        """What has come together; buckets in which nothing changed are left out."""
        found = {bucket: SetHash(rows, low & MASK, high & MASK) for bucket, (rows, low, high) in self._sums.items()}
        return {bucket: changed for bucket, changed in found.items() if changed != SetHash()}

    def write(self, statements: Statements, kept: Table) -> None:
        """Let `statements` add the changes to the table `kept`, and forget them here."""
        rows = [
            (*bucket, count & MASK, low & MASK, high & MASK)
            for bucket, (count, low, high) in sorted(self._sums.items())
            if count or low & MASK or high & MASK
        ]
        statements.add_up(kept, encoder(kept).as_stored(rows), HALF)
        self._sums.clear()

    def _add(self, bucket: Bucket, rows: int, low: int, high: int) -> None:
        standing = self._sums.get(bucket, (0, 0, 0))
        self._sums[bucket] = (standing[0] + rows, standing[1] + low, standing[2] + high)


def proof_table(name: str) -> Table:
    """The table that keeps the set hashes of the tables of one projection."""
    return table(
        name, key("of_table"), key("day"), key("merchant_id"), number("rows_kept"), number("low"), number("high")
    )


def kept_hashes(connection: Connection, kept: Table) -> dict[Bucket, SetHash]:
    """The set hashes that stand in a table, those of no rows left out. Raises what the driver raises."""
    columns = kept.c
    found = connection.execute(select(kept)).mappings()
    return {
        (row[columns.of_table], row[columns.day], row[columns.merchant_id]): SetHash(
            row[columns.rows_kept], row[columns.low], row[columns.high]
        )
        for row in found
        if (row[columns.rows_kept], row[columns.low], row[columns.high]) != (0, 0, 0)
    }


def hashes_of(tables: Iterable[tuple[str, Lines]]) -> dict[Bucket, SetHash]:
    """The set hashes of rows given as (table, rows), of one table as often as you like."""
    proof = Proof()
    for name, rows in tables:
        proof.add_all(name, rows.lines, rows.buckets)
    return proof.hashes()
