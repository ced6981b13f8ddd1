"""Whole tables as values, to compare them row by row; on the way the proof beside them is held against the rows."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection, select

from projections.database import Database
from projections.encoding import encoder
from projections.projection import PROJECTIONS, Projection
from projections.proof import Bucket, SetHash, hashes_of, kept_hashes

Tables = dict[str, list[dict[str, Any]]]


def dump(database: Database, projection: Projection) -> Tables:
    """Every row of every table of a projection, in order of the primary key; their proof must fit them."""
    found = rows_of(database, projection)
    assert proof_of(projection, found) == database.write(partial(kept_proof, projection=projection))
    return found


def rows_of(database: Database, projection: Projection) -> Tables:
    """The same, whatever the proof says."""
    return {
        table.name: [dict(row) for row in database.rows(select(table).order_by(*table.primary_key.columns))]
        for table in projection.tables
    }


def dump_all(database: Database) -> dict[str, Tables]:
    """Every row of every projection."""
    return {name: dump(database, projection) for name, projection in PROJECTIONS.items()}


def kept_proof(connection: Connection, projection: Projection) -> dict[Bucket, SetHash]:
    """The proof that stands beside these rows."""
    return kept_hashes(connection, projection.proof, projection.proof_noted)


def proof_of(projection: Projection, found: Tables) -> dict[Bucket, SetHash]:
    """The proof that fits these rows."""
    return hashes_of((str(table.name), encoder(table).encoded(found[table.name])) for table in projection.tables)
