"""One form for a row: a JSON array of its stored values, from which everything else is made.

The same bytes are the values of an INSERT, a line for LOAD DATA, and what the proof hashes, so that a row that was
followed, rebuilt or read back is the same bytes. Encoding by msgspec costs a fifth of what the driver takes to quote
the values one by one, and many rows at once half of what they cost one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import cache, partial
from operator import itemgetter
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Boolean, Column, Date, Table

from ledger.calendar import bank_day
from projections.columns import Id, Ids, Instant, SealedJson

Row = dict[str, Any]
"""A row by column name, with the values its columns stand for: aware instants, Sealed, int, str."""

Key = tuple[Any, ...]
"""The values of the primary key of a row."""

NULL: Final = msgspec.Raw(b"NULL")
"""No value, as INSERT and LOAD DATA both read it outside of quotes."""

_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines
_sorted_lines: Final = msgspec.json.Encoder(order="sorted").encode_lines

_ESCAPE: Final = re.compile(rb"\\(u[0-9a-f]{4}|.)")


class Lines(NamedTuple):
    """Rows of one table in their three forms, one of each a row.

    `stored`: the values as databases keep them, in the order of the columns; `lines`: the same as JSON; `buckets`: the
    day and the merchant under which the proof counts it, "" for none. `text`: all lines, each with its end.
    """

    stored: Sequence[Sequence[Any]]
    lines: Sequence[bytes]
    buckets: Sequence[tuple[str, str]]
    text: bytes

    def some(self, begin: int, end: int) -> Lines:
        """Those from `begin` on and before `end`."""
        lines = self.lines[begin:end]
        return Lines(self.stored[begin:end], lines, self.buckets[begin:end], b"\n".join((*lines, b"")))


NO_LINES: Final = Lines((), (), (), b"")


class Encoder:
    """Turns the rows of one table into stored values and lines, column by column. Make one with `encoder`."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = tuple(column.name for column in table.columns)
        self.values = values_of(self.names)
        converters = [(n, _converter(column)) for n, column in enumerate(table.columns)]
        self._special = [(n, convert) for n, convert in converters if convert is not None]
        self._ids = [(n, column.type) for n, column in enumerate(table.columns) if isinstance(column.type, Id)]
        self._key_kinds = [column.type for column in table.primary_key.columns]
        self._day, self._merchant = (
            self.names.index(table.info[what]) if table.info.get(what) else None for what in ("day", "merchant")
        )

    def encoded(self, rows: Sequence[Row]) -> Lines:
        """Rows in their three forms, in the same order. Raises ValueError for an instant that is not aware."""
        return self.of_values([self.values(row) for row in rows])

    def of_values(self, rows: Sequence[Sequence[Any]]) -> Lines:
        """The same of rows given as their values in the order of the columns."""
        if not rows:
            return NO_LINES
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for n, convert in self._special:
            columns[n] = convert(columns[n])
        return self._lines(columns)

    def as_stored(self, rows: Sequence[Sequence[Any]]) -> Lines:
        """The same of rows whose values are stored ones already.

        Raises ValueError or TypeError when no day can be read in one.
        """
        return self._lines(list(zip(*rows, strict=True))) if rows else NO_LINES

    def keys(self, keys: Sequence[Key]) -> list[bytes]:
        """Primary keys as JSON arrays, with ids escaped as in lines. (A day is the same text in JSON.)"""
        return [_encode(self.escaped(key)) for key in keys]

    def escaped(self, key: Key) -> Key:
        """A primary key with ids escaped as their tables have them."""
        return tuple(
            kind.process_bind_param(part, _ANY) if isinstance(kind, Id) else part
            for kind, part in zip(self._key_kinds, key, strict=True)
        )

    def _lines(self, columns: list[Sequence[Any]]) -> Lines:
        for n, kind in self._ids:
            values = columns[n]
            text = _joined(values)
            # Ids are escaped where they are no ids, as their column does it: hardly ever, so all are looked at in one.
            if not text.isascii() or " " in text:
                columns[n] = [
                    kind.process_bind_param(value, _ANY) if isinstance(value, str) else value for value in values
                ]
        stored = list(zip(*columns, strict=True))
        # Within a line JSON escapes what ends one.
        lines = _encode_lines(stored)
        return Lines(stored, lines.split(b"\n")[:-1], self._buckets(columns), lines)

    def _buckets(self, columns: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
        nothing = [""] * len(columns[0])
        days = merchants = nothing
        if self._day is not None:
            days = ["" if value is NULL else _DAYS[value[:_HOUR]] for value in columns[self._day]]
        if self._merchant is not None:
            merchants = ["" if value is NULL else value for value in columns[self._merchant]]
        return list(zip(days, merchants, strict=True))


def values_of(names: Sequence[str]) -> Callable[[Row], tuple[Any, ...]]:
    """The function that gives these columns of a row, in this order. It raises KeyError where one is missing."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple(row[name] for name in names)


@cache
def encoder(table: Table) -> Encoder:
    """The encoder of a declared table or of a copy of it, always the same object."""
    return Encoder(table)


def sql(line: bytes) -> bytes:
    """A line as MySQL and MariaDB read it: they know fewer escapes than JSON, so odd characters stand as they are."""
    if b"\\" in line and (b"\\u" in line or b"\\f" in line):
        return _ESCAPE.sub(_unescaped, line)
    return line


def _unescaped(found: re.Match[bytes]) -> bytes:
    escape = found[1]
    if escape == b"f":
        return b"\f"
    if escape[:1] != b"u":
        return found[0]
    return b"\\0" if escape == b"u0000" else chr(int(escape[1:], 16)).encode()


def _converter(column: Column[Any]) -> Callable[[Sequence[Any]], Sequence[Any]] | None:
    """What makes stored values of all values of a column, or None where they are the same."""
    kind = column.type
    if isinstance(kind, Instant):
        return _instants
    if isinstance(kind, Date):
        return _dates
    if isinstance(kind, Boolean):
        return partial(_each, int)
    if isinstance(kind, SealedJson):
        return partial(_texts, _sorted_lines)
    if isinstance(kind, Ids):
        return partial(_texts, _encode_lines)
    return _nullable if column.nullable else None


def _instants(values: Sequence[datetime | None]) -> list[Any]:
    """As `YYYY-MM-DD hh:mm:ss.ffffff`. JSON writes all of a column in the time that the library takes for two."""
    text = _encode(values)[1:-1].decode().replace("T", " ")
    written = text[1:-2].split('Z","')
    # Each is then in UTC and at most as long as one with parts of a second: so all are as long.
    if len(written) == len(values) and text[-2:] == 'Z"' and len(text) == len(written) * (_UTC_WRITTEN + 1) - 1:
        return written
    written = text.split(",")
    return [text[1:27] if len(text) == _UTC_WRITTEN else _instant(at) for text, at in zip(written, values, strict=True)]


def _dates(values: Sequence[date | None]) -> list[Any]:
    """As `YYYY-MM-DD`. JSON writes all of a column in a fifth of the time."""
    text = _encode(values).decode()
    written = text[2:-2].split('","')
    if len(written) == len(values) and len(text) == len(values) * len('"2026-01-01",') + 1:
        return written
    return _each(date.isoformat, values)


def _joined(values: Sequence[Any]) -> str:
    """All texts among some values in one."""
    try:
        return "".join(values)
    except TypeError:
        return "".join([value for value in values if isinstance(value, str)])


def _instant(at: datetime | None) -> Any:
    if at is None:
        return NULL
    if at.tzinfo is None:
        raise ValueError("an instant must be aware")
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def _each(convert: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    return [NULL if value is None else convert(value) for value in values]


def _nullable(values: Sequence[Any]) -> Sequence[Any]:
    return values if None not in values else [NULL if value is None else value for value in values]


def _texts(in_lines: Callable[[Sequence[Any]], bytes], values: Sequence[Any]) -> list[Any]:
    """As JSON texts: a column of them is written, and decoded, in one."""
    texts = in_lines(values).decode().split("\n")
    return [NULL if value is None else text for value, text in zip(values, texts, strict=False)]


class _Days(dict[str, str]):
    """The bank day of each hour (UTC); a day is itself."""

    def __missing__(self, hour: str) -> str:
        if len(hour) == len("2026-01-01"):
            return hour
        day = self[hour] = bank_day(datetime.fromisoformat(f"{hour}:00+00:00")).isoformat()
        return day


_UTC_WRITTEN: Final = len('"2026-01-01T00:00:00.000001Z"')
"""Nothing else that JSON makes of an instant is so long: no other zone, and none without parts of a second."""

_HOUR: Final = len("2026-01-01 00")
_DAYS: Final = _Days()

_ANY: Any = None
"""The escaping of ids is the same for every dialect."""
