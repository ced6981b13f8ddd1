"""The tables of the event log in MySQL, MariaDB and SQLite, and what one event is in them.

    events      one row for each event; `position` 1, 2, 3, … is the primary key, (stream, is_uuid, version) is unique
    heads       one row for each log: its last position. Whoever appends holds this row until the commit
    tracking    how far followers have come in the logs of other applications
    person_keys the wrapped keys of persons

`state` is text where it is valid UTF-8, so that a person can read it, and `raw` holds it otherwise. `crc` is counted
over what the event is (`ledger.event_log.checksum`) and compared on every reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from eventsourcing.persistence import DataError, StoredEvent
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    or_,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from ledger.commits import Pair
from ledger.event_log import NAME_MAX, Recorded, altered, checksum, refuse_too_long

PACKET_BYTES: Final = 16 * 1024 * 1024
"""What `max_allowed_packet` must be at least (it holds two events): the default of MariaDB 10.11; MySQL 8 has 64."""

MARIADB_COLLATION: Final = "utf8mb4_nopad_bin"
MYSQL_COLLATION: Final = "utf8mb4_0900_bin"
"""Compare letter for letter, blanks at the end included (MariaDB 10.2 and MySQL 8.0.17 brought them)."""

_BIGGEST: Final = 2**63 - 1


class Exact(TypeDecorator[str]):
    """A name of at most `length` characters: two are equal only if every character is."""

    impl = String
    cache_ok = True

    def __init__(self, length: int = NAME_MAX) -> None:
        super().__init__(length)
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """VARCHAR with a collation that neither folds case nor pads, whatever the server's name for it is."""
        if dialect.name not in ("mysql", "mariadb"):
            return dialect.type_descriptor(String(self.length))
        collation = exact_collation(dialect)
        return dialect.type_descriptor(mysql.VARCHAR(self.length, charset="utf8mb4", collation=collation))


class Readable(TypeDecorator[str]):
    """Text of any length, for people to read."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """LONGTEXT on MySQL: TEXT ends at 64 KiB."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin"))
        return dialect.type_descriptor(Text())


class Raw(TypeDecorator[bytes]):
    """Bytes of any length."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[bytes]:
        """LONGBLOB on MySQL."""
        if dialect.name in ("mysql", "mariadb"):
            return dialect.type_descriptor(mysql.LONGBLOB())
        return dialect.type_descriptor(LargeBinary())


def exact_collation(dialect: Dialect) -> str:
    """The collation of names on the server that `dialect` is connected to."""
    return MARIADB_COLLATION if getattr(dialect, "is_mariadb", False) else MYSQL_COLLATION


class LogTables(NamedTuple):
    """Where one log stands: its events, and the heads of all logs with its own name among them."""

    name: str
    events: Table
    heads: Table


def log_tables(name: str) -> LogTables:
    """The tables of the log of that name."""
    events = _table(
        name,
        Column("position", BigInteger(), primary_key=True, autoincrement=False),
        Column("stream", Exact(), nullable=False),
        Column("is_uuid", Boolean(), nullable=False),
        Column("version", BigInteger(), nullable=False),
        Column("name", Exact(), nullable=False),
        Column("state", Readable(), nullable=True),
        Column("raw", Raw(), nullable=True),
        Column("crc", BigInteger(), nullable=False),
        UniqueConstraint("stream", "is_uuid", "version", name=f"{name}_stream_version"),
    )
    heads = _table("heads", Column("log", Exact(64), primary_key=True), _position())
    return LogTables(name, events, heads)


def tracking_table() -> Table:
    """How far a follower has come in the log of each upstream application."""
    return _table("tracking", Column("application", Exact(), primary_key=True), _position())


def person_keys_table() -> Table:
    """The wrapped keys of persons."""
    return _table("person_keys", Column("person", Exact(), primary_key=True), Column("wrapped", Raw(), nullable=False))


def _position() -> Column[int]:
    return Column("position", BigInteger(), nullable=False)


def _table(name: str, *items: Any) -> Table:
    return Table(name, MetaData(), *items, mysql_engine="InnoDB", mysql_charset="utf8mb4", mysql_collate="utf8mb4_bin")


def row_of(event: StoredEvent) -> dict[str, Any]:
    """The event as a row that still lacks its position. Raises DataError for what the tables cannot hold."""
    stream, version = event.originator_id, event.originator_version
    try:
        text, raw = event.state.decode(), None
    except UnicodeDecodeError:
        text, raw = None, event.state
    refuse_too_long(event)
    if not (_is_text(str(stream)) and _is_text(event.topic)):
        raise DataError("A stream and a stored name are text that can be written as UTF-8.")
    if not -_BIGGEST <= version <= _BIGGEST:
        raise DataError(f"A version of an event of {event.topic} is beyond 64 bits.")
    crc = checksum(stream, version, event.topic, event.state)
    is_uuid = isinstance(stream, UUID)
    row = {"stream": str(stream), "is_uuid": is_uuid, "version": version, "name": event.topic}
    return row | {"state": text, "raw": raw, "crc": crc}


def _is_text(words: str) -> bool:
    """Whether these can be written as UTF-8: a lone surrogate cannot."""
    return not any("\ud800" <= letter <= "\udfff" for letter in words)


class EventRow(NamedTuple):
    """One row of `events`, as it is read."""

    position: int
    stream: str
    is_uuid: bool
    version: int
    name: str
    state: str | None
    raw: bytes | bytearray | None
    crc: int


def state_of(row: EventRow) -> bytes:
    """The stored bytes. Raises LogDamaged when they are not what was written."""
    # SQLite keeps whatever is put into a column, whatever the column was declared for.
    text: object = row.state
    raw: object = row.raw
    if isinstance(text, str) and raw is None:
        state = text.encode()
    elif text is None and isinstance(raw, bytes | bytearray):
        state = bytes(raw)
    else:
        raise altered(row.stream, row.version, row.name, row.position)
    if checksum(row.stream, row.version, row.name, state) != row.crc:
        raise altered(row.stream, row.version, row.name, row.position)
    return state


def stored_event(row: EventRow) -> StoredEvent:
    """The event as the library knows it. Raises LogDamaged when it is not what was written."""
    try:
        stream = UUID(row.stream) if row.is_uuid else row.stream
    except ValueError:
        raise altered(row.stream, row.version, row.name, row.position) from None
    return StoredEvent(stream, row.version, row.name, state_of(row))


def recorded(row: EventRow) -> Recorded:
    """The event for followers that need no library objects. Raises LogDamaged when it is not what was written."""
    return Recorded(row.position, row.stream, row.version, row.name, state_of(row))


def is_any_of(events: Table, pairs: Sequence[Pair]) -> ColumnElement[bool]:
    """The condition that a row claims one of these streams and versions, in a form every optimiser has an index for."""
    versions: dict[UUID | str, list[int]] = {}
    for stream, version in pairs:
        versions.setdefault(stream, []).append(version)
    return or_(*(and_(is_of(events, stream), events.c.version.in_(some)) for stream, some in versions.items()))


def is_of(events: Table, stream: UUID | str) -> ColumnElement[bool]:
    """The condition that a row is of this stream."""
    return and_(events.c.stream == str(stream), events.c.is_uuid == isinstance(stream, UUID))
