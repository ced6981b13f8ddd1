"""One form for a row: a JSON array of its stored values, from which everything else is made.

The same bytes are the values of an INSERT, a line for LOAD DATA, and what the proof hashes, so that a row that was
followed, rebuilt or read back is the same bytes. Encoding by msgspec costs a fifth of what the driver takes to quote
the values one by one.
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
_sorted: Final = msgspec.json.Encoder(order="sorted").encode

_ESCAPE: Final = re.compile(rb"\\(u[0-9a-f]{4}|.)")


class Lines(NamedTuple):
    """Rows, encoded: what belongs to one row stands at the same place in each list.

    `stored`: values as databases keep them, in the order of the columns; `lines`: the same as JSON arrays without
    blanks; `buckets`: day and merchant under which the proof counts a row, "" for none.
    """

    stored: Sequence[Sequence[Any]]
    lines: list[bytes]
    buckets: list[tuple[str, str]]

    def part(self, begin: int, end: int) -> Lines:
        """The rows from place `begin` to before `end`."""
        return Lines(self.stored[begin:end], self.lines[begin:end], self.buckets[begin:end])


_NO_LINES: Final = Lines((), [], [])


class Encoder:
    """Turns the rows of one table into lines, column by column. Make one with `encoder`."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = tuple(column.name for column in table.columns)
        self._values = itemgetter(*self.names) if len(self.names) > 1 else lambda row: (row[self.names[0]],)
        converters = [(n, _converter(column)) for n, column in enumerate(table.columns)]
        self._special = [(n, convert) for n, convert in converters if convert is not None]
        self._ids = [(n, column.type) for n, column in enumerate(table.columns) if isinstance(column.type, Id)]
        self._of_key = [_key_part(column) for column in table.primary_key.columns]
        self._day, self._merchant = (
            self.names.index(table.info[what]) if table.info.get(what) else None for what in ("day", "merchant")
        )

    def encoded(self, rows: Sequence[Row]) -> Lines:
        """Rows as they are kept. Raises ValueError for an instant nobody knows the zone of."""
        if not rows:
            return _NO_LINES
        columns: list[Sequence[Any]] = list(zip(*map(self._values, rows), strict=True))
        for n, convert in self._special:
            columns[n] = convert(columns[n])
        return self.lines(list(zip(*columns, strict=True)))

    def lines(self, stored: Sequence[Sequence[Any]]) -> Lines:
        """The same of stored values; ids among them are escaped where they are none, as their column does it."""
        found = list(stored)
        text = _encode_lines(found)
        lines = text.splitlines()
        if not text.isascii() or b' "' in text or b"\\" in text:
            for number, line in enumerate(lines):
                if not line.isascii() or b' "' in line or b"\\" in line:
                    found[number] = self._escaped(found[number])
                    lines[number] = _encode(found[number])
        return Lines(found, lines, self._buckets(found))

    def keys(self, keys: Sequence[Key]) -> list[bytes]:
        """Primary keys as JSON arrays, with ids escaped as in lines."""
        return [_encode([escape(part) for escape, part in zip(self._of_key, key, strict=True)]) for key in keys]

    def _escaped(self, stored: Sequence[Any]) -> list[Any]:
        values = list(stored)
        for n, kind in self._ids:
            if isinstance(values[n], str):
                values[n] = kind.process_bind_param(values[n], _ANY)
        return values

    def bucket(self, stored: Sequence[Any]) -> tuple[str, str]:
        """The day and the merchant under which these stored values are counted in the proof; "" for none.

        Raises ValueError or TypeError where no day can be read.
        """
        day = "" if self._day is None else _day(stored[self._day])
        merchant = "" if self._merchant is None else stored[self._merchant]
        return day, "" if merchant is NULL else merchant

    def _buckets(self, stored: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
        if self._day is None and self._merchant is None:
            return [_NOWHERE] * len(stored)
        return list(map(self.bucket, stored))


@cache
def encoder(table: Table) -> Encoder:
    """The encoder of a declared table or of a copy of it, always the same object."""
    return Encoder(table)


def sql(line: bytes) -> bytes:
    """A line as MySQL and MariaDB read it: they know fewer escapes than JSON, so odd characters stand as they are."""
    if b"\\u" in line or b"\\f" in line:
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
    """What makes stored values of the values of a column; None where they are the same."""
    convert = _conversion(column.type)
    if not column.nullable:
        return None if convert is None else lambda values: list(map(convert, values))
    if convert is None:
        return lambda values: [NULL if value is None else value for value in values]
    return lambda values: [NULL if value is None else convert(value) for value in values]


def _key_part(column: Column[Any]) -> Callable[[Any], Any]:
    if isinstance(column.type, Id):
        return partial(column.type.process_bind_param, dialect=_ANY)
    return _conversion(column.type) or _same


def _same(value: Any) -> Any:
    return value


def _conversion(kind: Any) -> Callable[[Any], Any] | None:
    if isinstance(kind, Instant):
        return _instant
    if isinstance(kind, Date):
        return date.isoformat
    if isinstance(kind, Boolean):
        return int
    if isinstance(kind, SealedJson):
        return _json
    return _list if isinstance(kind, Ids) else None


def _instant(at: datetime) -> str:
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError("an instant must be aware")
        at = at.astimezone(UTC)
    return at.isoformat(" ", "microseconds")[:26]


def _json(value: Any) -> str:
    return _sorted(value).decode()


def _list(value: Any) -> str:
    return _encode(list(value)).decode()


def _day(stored: Any) -> str:
    if stored is NULL:
        return ""
    return stored if len(stored) == len("2026-01-01") else _bank_day(stored[: len("2026-01-01 00")])


@cache
def _bank_day(hour: str) -> str:
    return bank_day(datetime.fromisoformat(f"{hour}:00+00:00")).isoformat()


_NOWHERE: Final = ("", "")
_ANY: Any = None
"""The escaping of ids is the same for every dialect."""
