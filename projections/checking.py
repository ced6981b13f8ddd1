"""Are the read tables what follows from the log? The log is folded once more, independently, and held against them.

Rows are compared one by one, at one position in one snapshot, while the tables go on being read and followed. So are
the set hashes that are kept beside them (`proof.py`), what is set aside, and the place. What is found names the row by
its key and the columns; no value is told. The tables of the check bear names of their own, so that whatever waits to be
swapped is left alone, and are removed at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date, datetime
from functools import partial
from typing import Any, Final

import msgspec
import sqlalchemy
from sqlalchemy import Boolean, Connection, Date, DateTime, Integer, String, Table, select, type_coerce

from ledger.errors import RebuildOvertaken
from ledger.store import Ledger
from projections.beside import Told, fold_up_to
from projections.building import build
from projections.columns import Instant
from projections.database import Database
from projections.encoding import NULL, Encoder, Lines, encoder
from projections.pairs import Pair, first_keys, pair
from projections.places import places
from projections.projection import Projection
from projections.proof import Bucket, SetHash, hashes_of, kept_hashes
from projections.rebuild import passes
from projections.tables import Layout, Place, serving

ROWS_MAX: Final = 1_000
"""Rows of one table that are named for each kind of fault; the others are counted."""

READ_AT_ONCE: Final = 1_000
"""Rows whose hashes are made together."""

SUFFIX: Final = "__check"

ROW_DIFFERS, ROW_MISSING, ROW_MORE = "row differs", "row missing", "row more"
SET_HASH, SET_ASIDE, PLACE, LACKING, NOT_CHECKED = "set hash", "set aside", "place", "lacking", "not checked"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as the log says.

    `kind`: one of the words above; `table`: as declared; `key`: of the row, its parts divided by strokes, or day and
    merchant of a set hash; `columns`: those that differ; `detail`: what more there is to say, and the cure.
    """

    projection: str
    kind: str
    table: str = ""
    key: str = ""
    columns: tuple[str, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        """One line for people."""
        parts = [self.table or self.projection, self.kind, self.key, ", ".join(self.columns), self.detail]
        return ": ".join(part for part in parts if part)


def check(
    ledger: Ledger,
    database: Database,
    projections: Sequence[Projection],
    at: datetime,
    told: Told = lambda reached, aim: None,
) -> list[Finding]:
    """Hold the tables of these projections against the log; nothing when all is as it must be.

    `at`: now. Projections whose tables were never made are left out; those that cannot be checked are found as such.
    Raises TooManySetAside, RebuildOvertaken when another check of the same or a rebuild got in between,
    ReadTablesUnavailable, EventStoreUnavailable, LogDamaged at a hole.
    """
    found = places(database, projections)
    head = ledger.head()
    there = database.write(lambda connection: set(sqlalchemy.inspect(connection).get_table_names()))
    findings = [
        fault for projection in projections for fault in _unready(projection, found.get(projection.name), head, there)
    ]
    not_ready = {finding.projection for finding in findings}
    chosen = [projection for projection in projections if projection.name in found.keys() - not_ready]
    aims = {projection.name: found[projection.name].position for projection in chosen}
    for together, upto in passes(chosen, aims):
        layouts = [_layout(projection) for projection in together]
        try:
            for layout in layouts:
                database.write(layout.create)
            build(ledger, database, layouts, upto, at, told)
            for layout in layouts:
                findings += _checked(ledger, database, layout, at)
        finally:
            for layout in layouts:
                database.write(layout.drop)
    return findings


def _layout(projection: Projection) -> Layout:
    layout = Layout(projection, suffix=SUFFIX)
    for made in layout.tables.values():
        # Nobody looks for anything in them but by key.
        made.indexes.clear()
    return layout


def _unready(projection: Projection, place: Place | None, head: int, there: Set[str]) -> Iterator[Finding]:
    """Why these tables cannot be held against the log."""
    found = partial(Finding, projection=projection.name)
    cure = f"python -m projections rebuild {projection.name}"
    missing = serving(projection).missing(there)
    if place is None and len(missing) < len(serving(projection).all):
        yield found(kind=LACKING, detail=f"{', '.join(missing) or 'the row of its place'} is not there: {cure}")
    elif place is not None and place.definition != projection.definition:
        yield found(kind=NOT_CHECKED, detail=f"another definition made these tables: {cure}")
    elif place is not None and not 0 <= place.position <= head:
        yield found(kind=PLACE, detail=f"it stands at {place.position}, while the log ends at {head}: {cure}")


def _checked(ledger: Ledger, database: Database, layout: Layout, at: datetime) -> list[Finding]:
    projection = layout.projection
    with database.alone(projection.name), database.snapshot() as connection:
        place, mine = serving(projection).standing(connection), layout.standing(connection)
        lacking = serving(projection).lacking(connection)
        if lacking:
            detail = f"{', '.join(lacking)} is not there: python -m projections rebuild {projection.name}"
            return [Finding(projection=projection.name, kind=LACKING, detail=detail)]
        if place is None or mine is None or not mine.whole or mine.position > place.position:
            raise RebuildOvertaken(f"The tables of {projection.name} were moved by another process meanwhile.")
        fold_up_to(connection, ledger, layout, mine.position, place.position, at)
        return list(_findings(connection, layout, place))


def _findings(connection: Connection, layout: Layout, place: Place) -> Iterator[Finding]:
    for name, table in layout.tables.items():
        yield from _rows(connection, layout, name, pair(connection, serving(layout.projection).tables[name], table))
    yield from _set_hashes(connection, layout)
    yield from _set_aside(connection, layout, place)


def _rows(connection: Connection, layout: Layout, name: str, both: Pair) -> Iterator[Finding]:
    more, missing, differing = both.counts(connection)
    found = partial(Finding, projection=layout.projection.name, table=name)
    for kind, rows, keys in ((ROW_MORE, more, both.only_before()), (ROW_MISSING, missing, both.only_after())):
        if rows:
            yield from (found(kind=kind, key=key) for key in first_keys(connection, keys, ROWS_MAX))
        if rows > ROWS_MAX:
            yield found(kind=kind, detail=f"and {rows - ROWS_MAX} others")
    if any(differing.values()):
        rows_found = both.differing(connection, ROWS_MAX)
        yield from (found(kind=ROW_DIFFERS, key=row.key, columns=row.columns) for row in rows_found)
        if len(rows_found) == ROWS_MAX:
            counted = ", ".join(f"{column} in {rows} rows" for column, rows in differing.items() if rows)
            yield found(kind=ROW_DIFFERS, detail=f"in all {counted}")


def _set_hashes(connection: Connection, layout: Layout) -> Iterator[Finding]:
    """Set hashes that fit neither the log nor the rows: where they fit the rows, these were found to differ already."""
    before = serving(layout.projection)
    kept, right = (kept_hashes(connection, one.proof, one.proof_noted) for one in (before, layout))
    suspect = {bucket for bucket in kept.keys() | right.keys() if kept.get(bucket) != right.get(bucket)}
    stood: dict[Bucket, SetHash] = {}
    for name in sorted({bucket[0] for bucket in suspect} & before.tables.keys()):
        stood |= _hashed(connection, name, before.tables[name])
    for bucket in sorted(suspect):
        if kept.get(bucket) != stood.get(bucket):
            name, *counted = bucket
            key = "/".join(part or "-" for part in counted)
            yield Finding(projection=layout.projection.name, kind=SET_HASH, table=name, key=key)


def _hashed(connection: Connection, name: str, table: Table) -> Mapping[Bucket, SetHash]:
    """The set hashes of the rows as they stand, whatever stands there."""
    return hashes_of(_lines(connection, name, table))


def _lines(connection: Connection, name: str, table: Table) -> Iterator[tuple[str, Lines]]:
    form = encoder(table)
    raw = [type_coerce(column, _raw(column.type, connection.dialect.name == "sqlite")) for column in table.columns]
    found = connection.execute(select(*raw).execution_options(yield_per=READ_AT_ONCE))
    for some in found.partitions(READ_AT_ONCE):
        rows = [tuple(map(_stored, row)) for row in some]
        try:
            yield name, form.as_stored(rows)
        except (ValueError, TypeError):
            yield from _readable(form, name, rows)


def _readable(form: Encoder, name: str, rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[str, Lines]]:
    for row in rows:
        try:
            yield name, form.as_stored([row])
        except (ValueError, TypeError):
            continue  # No day can be read in it, so it is counted nowhere; the row itself is found to differ.


def _raw(kind: Any, is_sqlite: bool) -> Any:
    """What gives the value as the database keeps it: SQLite keeps times as text, and whatever a hand put in."""
    if isinstance(kind, Boolean | Integer):
        return Integer()
    if not is_sqlite and isinstance(kind, Instant):
        return DateTime()
    return Date() if not is_sqlite and isinstance(kind, Date) else String()


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(" ", "microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return NULL if value is None else value


def _set_aside(connection: Connection, layout: Layout, place: Place) -> Iterator[Finding]:
    """What is set aside must be what cannot be folded: an entry that is lost is an event that is lost."""
    name = layout.projection.name
    found = partial(Finding, projection=name, kind=SET_ASIDE, table=str(layout.projection.aside.name))
    here, there = (
        _entries(connection, table) for table in (serving(layout.projection).aside.table, layout.aside.table)
    )
    heads: set[Any] = set()
    for position in sorted(here.keys() | there.keys()):
        entry, right = here.get(position), there.get(position)
        if entry is None:
            yield found(key=str(position), detail="cannot be folded, and is not set aside")
            continue
        if right is None:
            yield found(key=str(position), detail=f"could be folded: python -m projections retry {name}")
        elif entry[:3] != right[:3]:
            yield found(key=str(position), detail="names another event than stands there in the log")
        if (entry[0] not in heads) != entry[3]:
            yield found(key=str(position), detail="only the first of a stream has a cause")
        heads.add(entry[0])
    if len(here) != place.aside:
        detail = f"counts {place.aside} events as set aside, while there are {len(here)}"
        yield Finding(projection=name, kind=PLACE, detail=detail)


def _entries(connection: Connection, table: Table) -> dict[int, tuple[Any, ...]]:
    """Stream, version, name and whether there is a cause, by position."""
    rows = table.c
    query = select(rows.position, rows.stream, rows.version, rows.name, rows.cause.is_not(None))
    return {row[0]: (row[1], row[2], row[3], bool(row[4])) for row in connection.execute(query)}
