"""Rows are found by their keys and by nothing else, whatever stands in a key."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest
from sqlalchemy import Connection
from sqlalchemy.schema import CreateTable

from projections import writing
from projections.asking import ASKED_AT_ONCE, Question, found
from projections.columns import day_key, flag, instant_or_none, key, number, number_key, prose_or_none, table
from projections.database import Database
from projections.encoding import Key, Row, encoder

PLAIN = table("asked_plain", key("id"), number("count"), flag("done"), instant_or_none("at"), prose_or_none("text"))
OTHER = table("asked_other", key("account"), number_key("block"), day_key("on"), number("count"))

ODD = [
    "plain",
    "it's",
    'a "quoted" one',
    "') OR 1=1 -- ",
    "x'); DROP TABLE asked_plain; --",
    "back\\slash\\",
    "nul\0",
    "100%s",
    "Đức 💸",
    "a blank ",
    "new\nline",
    "/* comment */",
    "`tick`",
    "",
]


@pytest.fixture
def made(database: Database) -> Database:
    """Two tables with a row for each odd id."""

    def work(connection: Connection) -> None:
        for declared in (PLAIN, OTHER):
            connection.execute(CreateTable(declared))
        rows = [{"id": id_, "count": n, "done": True, "at": None, "text": id_} for n, id_ in enumerate(ODD)]
        writing.insert(connection, PLAIN, encoder(PLAIN).encoded(rows))
        others = [{"account": id_, "block": n, "on": date(2026, 1, 1 + n), "count": n} for n, id_ in enumerate(ODD)]
        writing.insert(connection, OTHER, encoder(OTHER).encoded(others))

    database.write(work)
    return database


def _found(database: Database, *questions: Question) -> list[dict[Key, Row]]:
    return database.write(partial(found, questions=questions))


@pytest.mark.parametrize("number_", range(len(ODD)))
def test_an_odd_key_finds_its_row_alone(made: Database, number_: int) -> None:
    id_ = ODD[number_]
    whole_key = (id_, number_, date(2026, 1, 1 + number_))
    plain, other = _found(made, Question(PLAIN, [(id_,)]), Question(OTHER, [whole_key]))
    assert [(key, row["id"], row["text"]) for key, row in plain.items()] == [((id_,), id_, id_)]
    assert [(key, row["account"], row["count"]) for key, row in other.items()] == [(whole_key, id_, number_)]
    assert len(_found(made, Question(PLAIN, [(one,) for one in ODD]))[0]) == len(ODD)


def test_rows_of_several_tables_and_many_keys_come_each_to_its_question(made: Database) -> None:
    many = [(f"k{n}",) for n in range(ASKED_AT_ONCE + 1)]
    other = ("it's", 1, date(2026, 1, 2))
    answers = _found(made, Question(PLAIN, many), Question(PLAIN, [*many, ("plain",)]), Question(OTHER, [other]))
    assert [list(answer) for answer in answers] == [[], [("plain",)], [other]]
    assert answers[1]["plain",] == {"id": "plain", "count": 0, "done": True, "at": None, "text": "plain"}
    assert _found(made) == []


def test_one_part_of_a_key_that_differs_finds_nothing(made: Database) -> None:
    keys = [("plain", 0, date(2026, 1, 2)), ("plain", 1, date(2026, 1, 1)), ("Plain", 0, date(2026, 1, 1))]
    assert _found(made, Question(OTHER, keys)) == [{}]
