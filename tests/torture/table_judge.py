"""The judge of tables: names every row and column in which the tables of a projection differ from those expected.

Like the judge of the log it knows no database and asks nobody; both sides are dumps (`tests/projections/dumped.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.projections.dumped import Tables
from tests.torture.judge import Kind, Violation

Key = tuple[Any, ...]
Rows = Mapping[Key, Mapping[str, Any]]


def differences(expected: Tables, found: Tables, keys: Mapping[str, tuple[str, ...]], when: str) -> Iterator[Violation]:
    """What differs, row by row and column by column; `keys`: the primary key of each table; `when` is told with it."""
    for name, rows in expected.items():
        key = keys[name]
        yield from _rows(name, _by_key(rows, key), _by_key(found.get(name, []), key), when)


def _by_key(rows: list[dict[str, Any]], key: tuple[str, ...]) -> Rows:
    return {tuple(row[column] for column in key): row for row in rows}


def _rows(name: str, expected: Rows, found: Rows, when: str) -> Iterator[Violation]:
    for key, row in expected.items():
        told = f"{name} {'/'.join(map(str, key))}"
        if key not in found:
            yield Violation(Kind.FOLD, f"{told} is missing, {when}")
            continue
        for column in row.keys() | found[key].keys():
            if row.get(column) != found[key].get(column):
                yield Violation(
                    Kind.FOLD, f"{told}: {column} is {found[key].get(column)!r}, not {row[column]!r}, {when}"
                )
    for key in found.keys() - expected.keys():
        yield Violation(Kind.FOLD, f"{name} {'/'.join(map(str, key))} should not be there, {when}")
