"""The same request makes the same command id; the time is that of the door's clock."""

from __future__ import annotations

import pytest

from tests.web.stage import START, Stage
from web.context import context


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


def test_the_same_natural_key_makes_the_same_command_id(stage: Stage) -> None:
    made = [
        context(stage.services, actor="bank:acb", request_id="req_1", natural_key=("statement_line", line))
        for line in ("sl_1", "sl_1", "sl_2")
    ]
    assert made[0].command_id == made[1].command_id != made[2].command_id


def test_the_clock_and_the_request_are_in_it(stage: Stage) -> None:
    made = context(stage.services, actor="bank:acb", request_id="req_1", natural_key=("x",))
    assert made.at > START
    assert (made.actor, made.correlation_id, made.causation_id) == ("bank:acb", "req_1", None)
