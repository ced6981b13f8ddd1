"""The physical tables of a projection: made when missing, built anew beside, exchanged in one step.

The tables that serve bear their declared names. Others bear the number of their generation behind it: those of a
rebuild until they take over, and from then on those that served before. With them goes the table that says where the
projection stands, so rows and position are exchanged together.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache

import msgspec
import sqlalchemy
from sqlalchemy import Connection, MetaData, Table, insert, select, update
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable
from sqlalchemy.sql.elements import quoted_name

from ledger.errors import NothingToSwap
from projections.aside import SetAside, aside_table
from projections.columns import key, number, table
from projections.database import Database
from projections.projection import PROJECTIONS, Projection

POSITIONS = table("positions", key("name"), number("position"))
"""How far followers of the log other than projections have come: the reactor, for one."""

ASIDE = aside_table("positions__aside")
"""What these followers have set aside."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a projection stands: the last event folded, and by which definition its tables were made.

    `generation` counts rebuilds; `whole`: the tables hold all that follows from the log up to `position`, and have
    their indexes; `aside`: how many events are set aside; `failing_at` and `failing`: the event before which it stopped
    because that were too many, and why.
    """

    name: str
    position: int
    generation: int
    definition: str
    whole: bool
    failing_at: int | None
    failing: str | None
    aside: int

    def follows(self, projection: Projection) -> bool:
        """Whether the projector moves it: it has not stopped, and its tables are of the definition we have.

        A position below zero was written by hand: no event is behind it.
        """
        return self.failing is None and self.definition == projection.definition and self.position >= 0


class Layout:
    """The physical tables of one projection. `suffix`: behind the declared names; "" for those that serve."""

    def __init__(self, projection: Projection, generation: int = 0, suffix: str = "") -> None:
        self.projection = projection
        self.generation = generation
        self.suffix = suffix
        self.tables = {str(declared.name): self._copy(declared, suffix) for declared in projection.tables}
        self.aside = SetAside(self._copy(projection.aside, suffix), projection.name)
        self.proof = self._copy(projection.proof, suffix)
        self.proof_noted = self._copy(projection.proof_noted, suffix)
        self.place = self._copy(projection.place, suffix)

    @classmethod
    def beside(cls, projection: Projection, generation: int) -> Layout:
        """The tables of a rebuild that will be this generation."""
        return cls(projection, generation, f"__g{generation}")

    @property
    def names(self) -> list[str]:
        """Of the tables with rows of the projection."""
        return [str(made.name) for made in self.tables.values()]

    @property
    def all(self) -> list[Table]:
        """Every table, the one with the place last: when it has its row, the others are whole."""
        return [*self.tables.values(), self.aside.table, self.proof, self.proof_noted, self.place]

    def create(self, connection: Connection) -> None:
        """Make the tables, without secondary indexes, standing at the beginning of the log and not whole."""
        for made in self.all:
            connection.execute(DropTable(made, if_exists=True))
            connection.execute(CreateTable(made))
        row = {
            "name": self.projection.name,
            "position": 0,
            "generation": self.generation,
            "definition": self.projection.definition,
            "whole": False,
            "failing_at": None,
            "failing": None,
            "aside": 0,
        }
        connection.execute(insert(self.place), [row])

    def become_whole(self, connection: Connection, **values: int) -> None:
        """Say that nothing is missing; `values`: what else of the place is different from now on."""
        connection.execute(update(self.place).values(whole=True, **values))

    def create_indexes(self, connection: Connection) -> None:
        """Make the secondary indexes: cheaper when the rows are there already."""
        for made in self.tables.values():
            create_indexes(connection, made)

    def standing(self, connection: Connection, *, lock: bool = False) -> Place | None:
        """Where the projection stands; `lock`: nobody else may move it until the transaction ends."""
        query = select(self.place).where(self.place.c.name == self.projection.name)
        row = connection.execute(query.with_for_update() if lock else query).mappings().first()
        return None if row is None else Place(**row)

    def missing(self, there: Collection[str]) -> list[str]:
        """Which of these tables are not among those that are `there`."""
        return [made.name for made in self.all if made.name not in there]

    def lacking(self, connection: Connection) -> list[str]:
        """What a hand or a crash took from these tables: names of tables, and of columns as `table.column`."""
        return [name for made in self.all for name in lacking(connection, made)]

    def drop(self, connection: Connection) -> None:
        """Remove the tables, the place first: what is left of them is not taken for whole."""
        for made in reversed(self.all):
            connection.execute(DropTable(made, if_exists=True))

    def _copy(self, declared: Table, suffix: str) -> Table:
        copy = declared.to_metadata(MetaData(), name=declared.name + suffix)
        for index in copy.indexes:
            # SQLite knows indexes by name alone, whatever table they are on.
            index.name = quoted_name(f"{declared.name}_{index.name}_{self.generation}", None)
        return copy


def lacking(connection: Connection, made: Table) -> list[str]:
    """The name of this table if it is missing, or else those of the columns that are, as `table.column`."""
    inspected = sqlalchemy.inspect(connection)
    if not inspected.has_table(made.name):
        return [made.name]
    there = {column["name"] for column in inspected.get_columns(made.name)}
    return [f"{made.name}.{column.name}" for column in made.columns if column.name not in there]


@cache
def serving(projection: Projection) -> Layout:
    """The tables of a projection that serve. Always the same objects, so that statements on them are compiled once."""
    return Layout(projection)


def make_tables(database: Database, projections: Iterable[Projection] | None = None) -> None:
    """Make the tables that are missing, of these projections or all; empty ones of an old make are made anew.

    Those of other followers are made as well. Nothing is done to tables that hold rows: a changed definition asks for
    a rebuild. Raises ReadTablesUnavailable.
    """
    with database.fenced("making tables") as connection:
        there = set(sqlalchemy.inspect(connection).get_table_names())
        for missing in (POSITIONS, ASIDE):
            if missing.name not in there:
                connection.execute(CreateTable(missing))
        for projection in PROJECTIONS.values() if projections is None else projections:
            layout = serving(projection)
            if layout.place.name in there:
                _complete(connection, layout, there)
            # Without a readable place nobody knows where the other tables stand.
            place = None if lacking(connection, layout.place) else layout.standing(connection)
            if place is None or (place.position == 0 and not is_made_so(projection, place)):
                drop_leftovers(connection, projection)
                layout.create(connection)
                layout.create_indexes(connection)
                layout.become_whole(connection)


def create_indexes(connection: Connection, table: Table) -> None:
    """Make the secondary indexes of one table."""
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        connection.execute(CreateIndex(index))


def is_made_so(projection: Projection, place: Place) -> bool:
    """Whether tables that hold nothing yet are as this release makes them, with their indexes."""
    return place.whole and place.definition == projection.definition


def _complete(connection: Connection, layout: Layout, there: Collection[str]) -> None:
    """Tables of a release that set nothing aside or proved nothing get what they lack, until they are built anew."""
    for made in (layout.aside.table, layout.proof, layout.proof_noted):
        if made.name not in there:
            connection.execute(CreateTable(made))
    columns = {column["name"] for column in sqlalchemy.inspect(connection).get_columns(layout.place.name)}
    for added in ("aside", "whole"):
        if added not in columns:
            connection.exec_driver_sql(f"ALTER TABLE {layout.place.name} ADD COLUMN {added} BIGINT NOT NULL DEFAULT 0")


def next_generation(connection: Connection, projection: Projection) -> int:
    """The number of tables to be built: above that of those that serve, and above what their indexes say.

    Somebody may have changed the number in the place, and SQLite takes no index of a name that is there.
    """
    layout = serving(projection)
    place, inspected = layout.standing(connection), sqlalchemy.inspect(connection)
    there = set(inspected.get_table_names())
    indexes = [index for name in layout.names if name in there for index in inspected.get_indexes(name)]
    numbers = [int(match[1]) for index in indexes if (match := re.search(r"_(\d+)$", str(index["name"])))]
    return max(0, place.generation if place else 0, *numbers) + 1


def exchange(connection: Connection, fresh: Layout) -> None:
    """Let other tables take over, all in one step; those that served bear the number of their generation from then on.

    Tables that served before and serve again are a generation of their own, so that the highest number always serves.
    What is left of tables that served, but of which some are missing, stands aside as generation 0. Raises
    NothingToSwap when others stand in the way.
    """
    there = set(sqlalchemy.inspect(connection).get_table_names())
    before = serving(fresh.projection)
    place = before.standing(connection) if before.place.name in there else None
    suffix = f"__g{max(place.generation, 0) if place else 0}"
    if place is not None and fresh.generation < place.generation:
        connection.execute(update(fresh.place).values(generation=place.generation + 1))
        if connection.dialect.name != "sqlite":
            connection.commit()
    if any(declared.name + suffix in there for declared in _declared(fresh.projection)):
        raise NothingToSwap(
            f"{fresh.projection.name}: tables stand under the number of those that serve, which somebody has changed:"
            f" python -m projections rebuild {fresh.projection.name}"
        )
    pairs: list[tuple[str, str]] = []
    for declared, made in zip(_declared(fresh.projection), fresh.all, strict=True):
        if declared.name in there:
            pairs.append((declared.name, declared.name + suffix))
        pairs.append((made.name, declared.name))
    if connection.dialect.name == "sqlite":
        for old, new in pairs:
            connection.exec_driver_sql(f'ALTER TABLE "{old}" RENAME TO "{new}"')
        return
    # On MySQL this ends the transaction by itself; the step is one whatever happens to us.
    connection.exec_driver_sql("RENAME TABLE " + ", ".join(f"`{old}` TO `{new}`" for old, new in pairs))


def standing_beside(connection: Connection, projection: Projection) -> list[Layout]:
    """The tables of this projection that do not serve and are whole, lowest generation first.

    A generation below the one that serves served before it; a higher one was built and has not taken over.
    """
    there = set(sqlalchemy.inspect(connection).get_table_names())
    found = (re.fullmatch(rf"{re.escape(projection.place.name)}__g(\d+)", name) for name in there)
    layouts = [Layout.beside(projection, int(match[1])) for match in found if match]
    whole = [layout for layout in layouts if not layout.missing(there) and _is_whole(layout.standing(connection))]
    return sorted(whole, key=lambda layout: layout.generation)


def places_beside(connection: Connection, projection: Projection) -> dict[int, Place]:
    """Where whole tables stand that do not serve, by generation, lowest first. See `standing_beside`."""
    found = {layout.generation: layout.standing(connection) for layout in standing_beside(connection, projection)}
    return {generation: place for generation, place in found.items() if place is not None}


def _is_whole(place: Place | None) -> bool:
    return place is not None and place.whole


def _declared(projection: Projection) -> list[Table]:
    return [*projection.tables, projection.aside, projection.proof, projection.proof_noted, projection.place]


def drop_leftovers(connection: Connection, projection: Projection) -> None:
    """Remove every table of the projection that does not serve: of rebuilds, and those that served before.

    Those of a running `check` bear other names and are left alone.
    """
    names = "|".join(re.escape(declared.name) for declared in _declared(projection))
    for name in sqlalchemy.inspect(connection).get_table_names():
        if re.fullmatch(rf"({names})__g\d+", name):
            connection.execute(DropTable(Table(name, MetaData()), if_exists=True))
