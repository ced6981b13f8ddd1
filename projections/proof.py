"""The proof: beside its rows every table keeps a set hash for each day and merchant, changed together with them.

A row's hash is BLAKE2b over its line, 124 bits, kept as two numbers of 62 bits; that of a set is the sum of those of
its rows, modulo 2^62 each. So rows can be added and taken away in any order, and sets be put together: an incremental
multiset hash by addition (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997). It shows what was
changed behind our back or by a fault of ours. It keeps nobody out who may write these tables: what proves the rows is
the log, from which `check` makes rows and proof anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Table, select

from projections import writing
from projections.columns import key, number, table
from projections.encoding import encoder
from projections.writing import Encoded

HALF: Final = 1 << 62
"""What the sums are taken modulo: two summands fit into 64 bits with a sign."""

MASK: Final = HALF - 1

Bucket = tuple[str, str, str]
"""Table (as declared), day (YYYY-MM-DD) and merchant; "" where a table has no such column or a row none."""


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
        self._rows: dict[Bucket, int] = {}
        self._sums: dict[Bucket, int] = {}

    def add(self, name: str, day: str, merchant: str, line: bytes, rows: int = 1) -> None:
        """One more row of the table `name`, or with `rows` -1 one less."""
        bucket = (name, day, merchant)
        # Both halves in one number: the lower sum has room to grow, which one addition less is worth.
        digest = int.from_bytes(blake2b(line, digest_size=16).digest(), "little")
        both = (digest & MASK) | (digest >> 62 & MASK) << 128
        self._rows[bucket] = self._rows.get(bucket, 0) + rows
        self._sums[bucket] = self._sums.get(bucket, 0) + (both if rows > 0 else _LESS - both)

    def merge(self, hashes: Mapping[Bucket, SetHash]) -> None:
        """These rows as well."""
        for bucket, found in hashes.items():
            self._rows[bucket] = self._rows.get(bucket, 0) + found.rows
            self._sums[bucket] = self._sums.get(bucket, 0) + (found.low | found.high << 128)

    def hashes(self) -> dict[Bucket, SetHash]:
        """What has come together; buckets in which nothing changed are left out."""
        found = {
            bucket: SetHash(self._rows[bucket], total & MASK, total >> 128 & MASK)
            for bucket, total in self._sums.items()
        }
        return {bucket: changed for bucket, changed in found.items() if changed != SetHash()}

    def write(self, connection: Connection, kept: Table) -> None:
        """Add the changes to the table `kept`, and forget them."""
        rows = []
        for (name, day, merchant), change in sorted(self.hashes().items()):
            stored = [name, day, merchant, change.rows & MASK, change.low, change.high]
            rows.append(Encoded(stored, encoder(kept).line(stored)))
        writing.add_up(connection, kept, rows, HALF)
        self._rows.clear()
        self._sums.clear()


_LESS: Final = HALF << 128 | HALF
"""What is congruent to nothing in both halves: a hash taken from it stays above zero in each."""


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


def hashes_of(lines: Iterable[tuple[str, str, str, bytes]]) -> dict[Bucket, SetHash]:
    """The set hashes of rows given as (table, day, merchant, line)."""
    proof = Proof()
    for name, day, merchant, line in lines:
        proof.add(name, day, merchant, line)
    return proof.hashes()
