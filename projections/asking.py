"""Rows asked for by primary key: of several tables in one message, where the server is another process.

MySQL and MariaDB get the keys as text in the encoding of `encoding.py`, as `writing.py` sends rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Dialect, Table, select, tuple_

from projections.encoding import Key, Row, encoder, sql
from projections.messages import Statement, sent
from projections.rows import primary

ASKED_AT_ONCE: Final = 500
"""Keys of one question."""


class Question(NamedTuple):
    """The rows of a table that have one of these keys."""

    table: Table
    keys: Sequence[Key]


def found(connection: Connection, questions: Sequence[Question]) -> list[dict[Key, Row]]:
    """The rows that are there, by key, for each question. Raises what SQLAlchemy raises."""
    answers: list[dict[Key, Row]] = [{} for _ in questions]
    parts = [(number, part) for number, question in enumerate(questions) for part in _parts(question)]
    if connection.dialect.name == "sqlite":
        results = [_selected(connection, part) for _, part in parts]
    else:
        told = sent(connection, [_statement(part) for _, part in parts])
        results = [
            _decoded(connection.dialect, part.table, one.rows) for (_, part), one in zip(parts, told, strict=True)
        ]
    for (number, part), rows in zip(parts, results, strict=True):
        answers[number].update(_under_keys(part, rows))
    return answers


def _under_keys(part: Question, rows: Sequence[Row]) -> Iterator[tuple[Key, Row]]:
    """The rows under the keys that were asked for: an odd id stands escaped in its table."""
    form, names = encoder(part.table), [column.name for column in primary(part.table)]
    escaped = {form.escaped(key): key for key in part.keys}
    for row in rows:
        key = tuple(row[name] for name in names)
        asked = escaped.get(key, key)
        yield asked, row if asked == key else row | dict(zip(names, asked, strict=True))


def _parts(question: Question) -> Iterator[Question]:
    for start in range(0, len(question.keys), ASKED_AT_ONCE):
        yield Question(question.table, question.keys[start : start + ASKED_AT_ONCE])


def _selected(connection: Connection, part: Question) -> list[Row]:
    columns, keys = primary(part.table), part.keys
    wanted = columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)
    return [dict(row) for row in connection.execute(select(part.table).where(wanted)).mappings()]


def _statement(part: Question) -> Statement:
    form = encoder(part.table)
    columns = ", ".join(f"`{name}`" for name in form.names)
    names = ", ".join(f"`{column.name}`" for column in primary(part.table))
    keys = [sql(line)[1:-1].decode() for line in form.keys(part.keys)]
    listed = ", ".join(keys) if len(part.table.primary_key) == 1 else f"({'), ('.join(keys)})"
    head = f"SELECT {columns} FROM `{part.table.name}` WHERE ({names}) IN "  # noqa: S608  # names of ours
    return Statement(head, f"({listed})")


def _decoded(dialect: Dialect, table: Table, rows: Sequence[Sequence[Any]]) -> list[Row]:
    names = encoder(table).names
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for name, process in _processors(table, dialect):
        for row in found:
            row[name] = process(row[name])
    return found


@cache
def _processors(table: Table, dialect: Dialect) -> list[tuple[str, Callable[[Any], Any]]]:
    """What makes values of what the driver gives, for the columns where that is another."""
    kinds = ((column.name, column.type.dialect_impl(dialect)) for column in table.columns)
    processors = ((name, kind.result_processor(dialect, None)) for name, kind in kinds)
    return [(name, process) for name, process in processors if process is not None]
