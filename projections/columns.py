"""Columns of read tables: the few kinds of values they hold, stored alike on MySQL, MariaDB and SQLite.

A table is declared with `table(...)`; its columns are named like the fields of the row struct beside it. What comes
from a bank or a merchant has no length limit here: a long text must not stop a projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Dialect, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeDecorator, TypeEngine

from ledger.privacy import Sealed
from ledger.sql_engine import TEXT_COLLATION

ID_MAX: Final = 128
"""Longest id, stream, account name, actor or `stream@version`, in ASCII characters."""

WORD_MAX: Final = 64
"""Longest word of ours; by its length a column of words is told from one of ids."""

MYSQL: Final = frozenset({"mysql", "mariadb"})


class Id(TypeDecorator[str]):
    """An ASCII identifier, compared byte for byte. What cannot be one is escaped, so it matches nothing."""

    impl = String
    cache_ok = True

    def __init__(self, length: int = ID_MAX) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """VARCHAR in ascii_bin on MySQL: three times shorter keys than utf8mb4, and case counts."""
        if dialect.name in MYSQL:
            return dialect.type_descriptor(mysql.VARCHAR(self.length, charset="ascii", collation="ascii_bin"))
        return dialect.type_descriptor(String(self.length))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escapes foreign letters, and a blank at the end, which MySQL would not count."""
        if value is None or (value.isascii() and not value.endswith(" ")):
            return value
        plain = value.encode("ascii", "backslashreplace").decode()
        return f"{plain[:-1]}\\x20" if plain.endswith(" ") else plain


class Instant(TypeDecorator[datetime]):
    """An aware instant, stored as naive UTC to the microsecond."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """DATETIME(6) on MySQL, which drops the fraction otherwise."""
        if dialect.name in MYSQL:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Naive UTC. Raises ValueError for a naive datetime: nobody knows when that is."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant must be aware")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class Prose(TypeDecorator[str]):
    """Text of any length, in any script."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """MEDIUMTEXT on MySQL: TEXT ends at 64 KiB."""
        if dialect.name in MYSQL:
            return dialect.type_descriptor(mysql.MEDIUMTEXT(charset="utf8mb4", collation=TEXT_COLLATION))
        return dialect.type_descriptor(Text())


class SealedJson(TypeDecorator[Sealed]):
    """Sealed personal data as JSON text; it is opened only by whoever holds the vault."""

    impl = Prose
    cache_ok = True

    def process_bind_param(self, value: Sealed | None, dialect: Dialect) -> str | None:
        """Keys sorted, so that equal seals are equal texts."""
        return None if value is None else msgspec.json.encode(value, order="sorted").decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Sealed | None:
        """The seal again."""
        return None if value is None else msgspec.json.decode(value, type=Sealed)


class Ids(TypeDecorator[tuple[str, ...]]):
    """A short list of ids, as JSON text."""

    impl = Prose
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> str | None:
        """A JSON list."""
        return None if value is None else msgspec.json.encode(list(value)).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...] | None:
        """The ids again."""
        return None if value is None else msgspec.json.decode(value, type=tuple[str, ...])


def table(
    name: str,
    *items: SchemaItem,
    day: str | None = None,
    merchant: str | None = None,
    sums: tuple[str, ...] = (),
    once: bool = False,
) -> Table:
    """A read table, declared: each in a collection of its own, because the engine makes copies under other names.

    `day`, `merchant`: the columns that say under which day (an instant: its bank day) and merchant the proof counts a
    row. `sums`: columns that are only ever added to, by `Rows.add`, so that no order matters to them. `once`: each row
    is put once, and no fold may read, change or delete it, so that a build need not keep it in mind.
    """
    made = Table(name, MetaData(), *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate=TEXT_COLLATION)
    unknown = {day, merchant, *sums} - {None, *made.columns.keys()}
    if unknown:
        raise ValueError(f"{name} has no column {', '.join(map(str, unknown))}")
    made.info.update(day=day, merchant=merchant, sums=sums, once=once)
    return made


def key(name: str) -> Column[str]:
    """An id that is (part of) the primary key."""
    return Column(name, Id(), primary_key=True)


def number_key(name: str) -> Column[int]:
    """A number that is part of the primary key."""
    return Column(name, BigInteger(), primary_key=True, autoincrement=False)


def id_(name: str) -> Column[str]:
    """An id."""
    return Column(name, Id(), nullable=False)


def id_or_none(name: str) -> Column[str | None]:
    """An id, or none."""
    return Column(name, Id(), nullable=True)


def word(name: str) -> Column[str]:
    """A word of ours from a short list: a status, a kind, a currency."""
    return Column(name, Id(WORD_MAX), nullable=False)


def number(name: str) -> Column[int]:
    """A whole number of 64 bits: minor units, a count, a position."""
    return Column(name, BigInteger(), nullable=False)


def number_or_none(name: str) -> Column[int | None]:
    """A whole number, or none."""
    return Column(name, BigInteger(), nullable=True)


def flag(name: str) -> Column[bool]:
    """Yes or no."""
    return Column(name, Boolean(), nullable=False)


def instant(name: str) -> Column[datetime]:
    """An instant."""
    return Column(name, Instant(), nullable=False)


def instant_or_none(name: str) -> Column[datetime | None]:
    """An instant, or none."""
    return Column(name, Instant(), nullable=True)


def day(name: str) -> Column[object]:
    """A bank day."""
    return Column(name, Date(), nullable=False)


def day_key(name: str) -> Column[object]:
    """A bank day that is part of the primary key."""
    return Column(name, Date(), primary_key=True)


def prose(name: str) -> Column[str]:
    """Text that others wrote."""
    return Column(name, Prose(), nullable=False)


def prose_or_none(name: str) -> Column[str | None]:
    """Text that others wrote, or none."""
    return Column(name, Prose(), nullable=True)


def sealed(name: str) -> Column[Sealed]:
    """Sealed personal data."""
    return Column(name, SealedJson(), nullable=False)


def sealed_or_none(name: str) -> Column[Sealed | None]:
    """Sealed personal data, or none."""
    return Column(name, SealedJson(), nullable=True)


def ids(name: str) -> Column[tuple[str, ...]]:
    """A short list of ids."""
    return Column(name, Ids(), nullable=False)
