"""Who names a position never reads older."""

from __future__ import annotations

from itertools import count

import pytest

from ledger.errors import InvalidField
from tests.web.stage import Stage, problem
from web.positions import ReadTablesBehind, reached, wanted


def test_the_parameter_counts_before_the_header() -> None:
    assert wanted("7", 9) == 9
    assert wanted("7", None) == 7
    assert wanted(None, None) == 0


@pytest.mark.parametrize("header", ["", "x", "-1", "1.5", "9" * 19, "１"])
def test_a_position_is_a_plain_number(header: str) -> None:
    with pytest.raises(InvalidField) as refused:
        wanted(header, None)
    assert refused.value.field == "Socai-Position"


def test_tables_that_come_to_the_position_meanwhile_are_waited_for() -> None:
    positions = count(5)
    assert reached(lambda: next(positions), 9, lambda: 9) == 9


def test_tables_that_do_not_come_are_given_up_in_time() -> None:
    with pytest.raises(ReadTablesBehind) as refused:
        reached(lambda: 5, 8, lambda: 8)
    assert refused.value.facts == {"position": 5}


def test_a_position_that_is_not_there_yet_is_not_waited_for() -> None:
    with pytest.raises(InvalidField):
        reached(lambda: 5, 8, lambda: 7)


def test_what_was_just_written_is_read_or_refused_but_never_missed(stage: Stage) -> None:
    shop = stage.shop()
    body = {"amount": 5_000, "currency": "VND"}
    made = stage.ask("POST", "/v1/payment-intents", body, bearer=shop.keys["owner"])
    position = made.headers["Socai-Position"]
    path = "/v1/payment-intents"
    behind = stage.ask("GET", f"{path}?position={position}", bearer=shop.keys["owner"])
    assert problem(behind)[:2] == (503, "read-tables-behind")
    assert int(behind.headers["Retry-After"]) > 0
    stage.project()
    for headers in ({"Socai-Position": position}, {}):
        read = stage.ask("GET", path, bearer=shop.keys["owner"], headers=headers)
        assert int(read.headers["Socai-Position"]) >= int(position)
        assert b"5000" in read.data
