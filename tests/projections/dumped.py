"""Whole tables as values, to compare them row by row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from projections.database import Database
from projections.projection import PROJECTIONS, Projection


def dump(database: Database, projection: Projection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of a projection, in order of the primary key."""
    return {
        table.name: [dict(row) for row in database.rows(select(table).order_by(*table.primary_key.columns))]
        for table in projection.tables
    }


def dump_all(database: Database) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Every row of every projection."""
    return {name: dump(database, projection) for name, projection in PROJECTIONS.items()}
