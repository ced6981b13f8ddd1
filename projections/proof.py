"""The proof: beside its rows every table keeps a set hash for each day and merchant, changed together with them.

A row's hash is BLAKE2b over its line, 128 bits read as two numbers; that of a set is the two sums of those of its rows,
modulo 2^62 each. So rows can be added and taken away in any order, and sets be put together: an incremental
multiset hash by addition (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997). It shows what was
changed behind our back or by a fault of ours. It keeps nobody out who may write these tables: what proves the rows is
the log, from which `check` makes rows and proof anew.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, Table, select

from projections.columns import key, number, table
from projections.encoding import encoder
from projections.writing import Statements

HALF: Final = 1 << 62
"""What the sums are taken modulo: two summands fit into 64 bits with a sign."""

MASK: Final = HALF - 1

VERSION: Final = "2"
"""Which way of hashing this is: it is part of the definition of tables, which are built anew when it changes."""

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
        # Rows, and the sums of both numbers, which are cut to 62 bits only at the end: a sum of numbers of 64 bits is
        # the same modulo 2^62.
        self._sums: dict[Bucket, tuple[int, int, int]] = {}

    def add(self, name: str, buckets: Sequence[tuple[str, str]], lines: Sequence[bytes], rows: int = 1) -> None:
        """These rows of the table `name`, each under its day and merchant; with `rows` -1 they stand no more."""
        digests = b"".join([blake2b(line, digest_size=_HASH.size).digest() for line in lines])
        sums = self._sums
        for (day, merchant), (low, high) in zip(buckets, _HASH.iter_unpack(digests), strict=True):
            bucket = (name, day, merchant)
            count, lows, highs = sums.get(bucket, _NOTHING)
            sums[bucket] = (count + rows, lows + rows * low, highs + rows * high)

    def merge(self, hashes: Mapping[Bucket, SetHash]) -> None:
        """These rows as well."""
        for bucket, found in hashes.items():
            count, lows, highs = self._sums.get(bucket, _NOTHING)
            self._sums[bucket] = (count + found.rows, lows + found.low, highs + found.high)

    def hashes(self) -> dict[Bucket, SetHash]:
        """What has come together; buckets in which nothing changed are left out."""
        found = {bucket: SetHash(count, low & MASK, high & MASK) for bucket, (count, low, high) in self._sums.items()}
        return {bucket: changed for bucket, changed in found.items() if changed != SetHash()}

    def write(self, statements: Statements, kept: Table) -> None:
        """Add the changes to the table `kept`, and forget them here."""
        rows = [
            [name, day, merchant, change.rows & MASK, change.low, change.high]
            for (name, day, merchant), change in sorted(self.hashes().items())
        ]
        statements.add_up(kept, encoder(kept).lines(rows), HALF)
        self._sums.clear()


_HASH: Final = struct.Struct("<QQ")
_NOTHING: Final = (0, 0, 0)


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
