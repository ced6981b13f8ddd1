"""What would change for readers if other tables took over: exact, by the server, told in groups.

    payouts.status: submitted -> confirmed      337 rows, for one po_...
    payments.fees: +11000
    payments.created_at: +7:00:00
    payments: rows missing

A group is what an operator accepts by its name. Words of ours are shown, numbers and times as what they differ by,
anything else only as different: no value that belongs to a person or a merchant is told.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec
import sqlalchemy
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Integer,
    Numeric,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    text,
    type_coerce,
)

from projections.columns import WORD_MAX, Id, Instant
from projections.pairs import Pair, Text, pair, some
from projections.proof import kept_hashes
from projections.tables import Layout

GROUPS_MAX: Final = 12
"""Groups of one column that are told each; the rest is put together, as it would be no reading for anybody."""

DIFFERS, OTHERS, SIGN = "differs", "others", "sign"
NONE, VALUE = "NULL", "a value"
ROWS_MISSING, ROWS_MORE = "rows missing", "rows more"
TABLE_NEW, TABLE_GONE, KEY_CHANGED = "table new", "table gone", "key changed"
COLUMN_NEW, COLUMN_GONE = "column new", "column gone"

WORD: Final = "^[a-z][a-z_.]*$|^[A-Z]{3}$"
"""What a status, a kind, a name of an event or a currency looks like, and no code, number or text of others does."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that would change alike. `column`: "" when whole rows or the table are meant; `example`: the key of a row.

    `explained`: it follows from a changed definition alone, and nobody has to accept it.
    """

    table: str
    column: str = ""
    what: str
    rows: int = 0
    example: str = ""
    explained: bool = False

    @property
    def group(self) -> str:
        """The name under which an operator accepts it."""
        return f"{self.table}.{self.column}: {self.what}" if self.column else f"{self.table}: {self.what}"


def compare(connection: Connection, old: Layout, new: Layout) -> list[Difference]:
    """What differs in `new` from `old`, as the transaction of `connection` sees them; nothing when they are the same.

    Both stand at the same log position, or the difference is that of the events between. Reads every row once. Raises
    what the driver raises.
    """
    before, after = old.standing(connection), new.standing(connection)
    redefined = before is not None and after is not None and before.definition != after.definition
    there = set(sqlalchemy.inspect(connection).get_table_names())
    found: list[Difference] = []
    for name, table in new.tables.items():
        if old.tables[name].name in there:
            found += _of_table(connection, name, pair(connection, old.tables[name], table), redefined)
        else:
            found.append(Difference(table=name, what=TABLE_NEW, explained=redefined))
    if redefined and {old.proof.name, old.proof_noted.name} <= there:
        known = {name for name, _, _ in kept_hashes(connection, old.proof, old.proof_noted)}
        gone = sorted(known - new.tables.keys())
        found += [Difference(table=name, what=TABLE_GONE, explained=True) for name in gone]
    return found


def _of_table(connection: Connection, name: str, both: Pair, redefined: bool) -> Iterator[Difference]:
    for what, columns in ((COLUMN_GONE, both.gone), (COLUMN_NEW, both.fresh)):
        for column in columns:
            yield Difference(table=name, column=column, what=what, explained=redefined)
    if not both.keyed_alike:
        yield Difference(table=name, what=KEY_CHANGED, explained=redefined)
        return
    missing, more, differing = both.counts(connection)
    for what, rows, keys in ((ROWS_MISSING, missing, both.only_before()), (ROWS_MORE, more, both.only_after())):
        if rows:
            yield Difference(table=name, what=what, rows=rows, example=some(connection, keys).example)
    for compared in both.columns:
        if differing[compared.name]:
            yield from _of_column(connection, name, both, compared, differing[compared.name])


def _of_column(connection: Connection, name: str, both: Pair, column: Column[Any], rows: int) -> Iterator[Difference]:
    label = _label(both, column, is_sqlite=connection.dialect.name == "sqlite")
    found = both.grouped(connection, column, label, GROUPS_MAX + 1)
    groups: dict[str, tuple[int, str]] = {}
    for what, group in found[:GROUPS_MAX]:
        told = _told(column, what)
        counted, example = groups.get(told, (0, group.example))
        groups[told] = (counted + group.rows, example)
    left = rows - sum(counted for counted, _ in groups.values())
    if left:
        groups[OTHERS] = (left, found[-1][1].example)
    for what, (counted, example) in groups.items():
        yield Difference(table=name, column=column.name, what=what, rows=counted, example=example)


def _label(both: Pair, column: Column[Any], *, is_sqlite: bool) -> Text:
    """The text by which rows that differ in this column are grouped: words, or the number of what they differ by."""
    before, after, kind = both.before(column), both.after(column), column.type
    within: Text = literal(DIFFERS)
    if isinstance(kind, Boolean):
        within = _flag(before) + " -> " + _flag(after)
    elif isinstance(kind, Id) and kind.length == WORD_MAX:
        return _word(before, is_sqlite) + " -> " + _word(after, is_sqlite)
    elif both.is_of_one_kind(column) and isinstance(kind, Integer):
        within = _delta(before, after, is_sqlite)
    elif both.is_of_one_kind(column) and isinstance(kind, Instant):
        within = cast(_microseconds(before, after, is_sqlite), String)
    elif both.is_of_one_kind(column) and isinstance(kind, Date):
        within = cast(_days(before, after, is_sqlite), String)
    return case(
        (before.is_(None), literal(f"{NONE} -> {VALUE}")),
        (after.is_(None), literal(f"{VALUE} -> {NONE}")),
        else_=func.coalesce(within, literal(DIFFERS)),
    )


def _flag(value: ColumnElement[Any]) -> Text:
    number = type_coerce(value, Integer)
    return case((number == 0, literal("no")), (number == 1, literal("yes")), else_=literal(VALUE))


def _word(value: ColumnElement[Any], is_sqlite: bool) -> Text:
    word = type_coerce(value, String)
    # SQLite keeps bytes in any column, which its regular expressions cannot take.
    is_word = and_(func.typeof(value) == "text", word.regexp_match(WORD)) if is_sqlite else word.regexp_match(WORD)
    return case((word.is_(None), literal(NONE)), (is_word, word), else_=literal(VALUE))


def _delta(before: ColumnElement[Any], after: ColumnElement[Any], is_sqlite: bool) -> Text:
    if is_sqlite:
        are_numbers = and_(func.typeof(before) == "integer", func.typeof(after) == "integer")
    else:
        # With room for the difference of any two numbers of 64 bits.
        before, after = cast(before, Numeric(30, 0)), cast(after, Numeric(30, 0))
        are_numbers = sqlalchemy.true()
    is_negative = and_(are_numbers, before + after == 0)
    return case((is_negative, literal(SIGN)), (are_numbers, cast(after - before, String)), else_=literal(DIFFERS))


def _microseconds(before: ColumnElement[Any], after: ColumnElement[Any], is_sqlite: bool) -> ColumnElement[Any]:
    if not is_sqlite:
        return func.timestampdiff(text("MICROSECOND"), before, after)
    return _since_1970(after) - _since_1970(before)


def _since_1970(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Microseconds, of an instant as SQLite keeps it; NULL for what is none."""
    stored = type_coerce(value, String)
    seconds, fraction = func.strftime("%s", stored), func.substr(stored, 21, 6)
    return cast(seconds, Integer) * 1_000_000 + cast(fraction, Integer)


def _days(before: ColumnElement[Any], after: ColumnElement[Any], is_sqlite: bool) -> ColumnElement[Any]:
    if not is_sqlite:
        return func.datediff(after, before)
    first, last = (func.julianday(type_coerce(value, String)) for value in (before, after))
    return cast(last - first, Integer)


def _told(column: Column[Any], what: str) -> str:
    """What is said of a group."""
    if what == f"{VALUE} -> {VALUE}":
        return DIFFERS
    number = _whole(what)
    if number is None:
        return what
    if not number:
        return DIFFERS
    sign = "-" if number < 0 else "+"
    if isinstance(column.type, Instant):
        return sign + _duration(timedelta(microseconds=abs(number)))
    if isinstance(column.type, Date):
        return f"{sign}{abs(number)} day{'s' if abs(number) > 1 else ''}"
    return f"{sign}{abs(number)}"


def _whole(what: str) -> int | None:
    return int(what) if what.removeprefix("-").isdecimal() else None


def _duration(time: timedelta) -> str:
    return str(time).replace(",", "")


def swap_command(name: str, differences: Sequence[Difference], *, back: bool = False) -> str:
    """What an operator enters in a shell to accept all of these differences, each by its name."""
    groups = sorted({one.group for one in differences if not one.explained})
    words = ["python", "-m", "projections", "swap", name, *(["--back"] if back else [])]
    return shlex.join([*words, *(word for group in groups for word in ("--accept", group))])


def unexplained(differences: Sequence[Difference], accepted: Collection[str]) -> list[Difference]:
    """Those that nothing explains and nobody has accepted."""
    return [one for one in differences if not one.explained and one.group not in accepted]
