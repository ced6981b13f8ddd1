"""Where a message fits no more is told from the words of the readers, and no value of it."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from banks.bank import DoubtfulRow
from banks.drift import in_words, misfit_of, misfitting_row, unreadable, with_body
from banks.outcomes import Accepted, Misfit, Unknown

SECRET = "NGUYEN VAN KIN"


class Inner(msgspec.Struct, rename="camel"):
    posted_on: str
    word: Literal["in", "out"] = "in"


class Outer(msgspec.Struct):
    rows: list[Inner]


def fault(value: object) -> msgspec.ValidationError:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(value, Outer)
    return refused.value


@pytest.mark.parametrize(
    ("said", "place", "expected"),
    [
        (fault({"rows": [{"postedOn": 5}]}), "rows[].postedOn", "Expected `str`, got `int`"),
        (fault({"rows": [{"postedOn": "x"}, {}]}), "rows[].postedOn", "missing"),
        (fault({"rows": [{"postedOn": "x", "word": SECRET}]}), "rows[].word", "none of the words we know"),
        (fault({"rows": {"a": SECRET}}), "rows", "Expected `array`, got `object`"),
        (fault([]), "$", "Expected `object`, got `array`"),
        (fault({}), "rows", "missing"),
        ("transType: neither C nor D", "transType", "neither C nor D"),
        ("creditAmount, debitAmount: not one amount", "creditAmount, debitAmount", "not one amount"),
        ("RspnInf/Id: missing", "RspnInf/Id", "missing"),
        ("not JSON at character 7", "$", "not JSON at character 7"),
        ("a text: with a colon", "$", "a text: with a colon"),
    ],
)
def test_the_place_is_the_path_of_the_field(said: Exception | str, place: str, expected: str) -> None:
    misfit = misfit_of(said, b"body")
    assert (misfit.place, misfit.expected, misfit.body) == (place, expected, b"body")
    assert SECRET not in in_words(misfit)


def test_what_came_is_never_shown() -> None:
    misfit = Misfit("place", "expected", SECRET.encode())
    for shown in (repr(misfit), str(misfit), repr(Unknown("why", misfit)), repr(DoubtfulRow(1, "why", misfit))):
        assert SECRET not in shown


def test_a_refused_webhook_names_the_place() -> None:
    problem = unreadable("The notice cannot be understood", "amount: not whole")
    assert problem.facts["place"] == "amount"
    assert problem.detail == "The notice cannot be understood: amount: not whole."
    assert unreadable("It cannot be understood", "not an object").detail == "It cannot be understood: not an object."


def test_a_row_keeps_what_came_as_json() -> None:
    row = misfitting_row(2, ValueError("amount: not whole"), {"amount": SECRET})
    assert (row.position, row.why) == (2, "amount: not whole")
    assert row.misfit == Misfit("amount", "not whole", b'{"amount":"NGUYEN VAN KIN"}')


def test_only_an_outcome_that_does_not_fit_keeps_what_came() -> None:
    assert with_body(Accepted("1"), b"x") == Accepted("1")
    assert with_body(Unknown("HTTP 500"), b"x") == Unknown("HTTP 500")
    assert with_body(Unknown("y", Misfit("p", "e")), b"x") == Unknown("y", Misfit("p", "e", b"x"))
