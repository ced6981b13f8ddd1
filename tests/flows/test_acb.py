"""What ACB has of its own: a credit that is taken back is told under the reference of another movement."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.conftest import Open
from tests.flows.desk import Desk, Gateway, eventually


@pytest.fixture
def desk(opened: Open) -> Iterator[Desk]:
    with opened("acb") as desk:
        yield desk


def test_a_reversal_is_marked_and_tells_its_own_direction(desk: Desk, gateway: Gateway) -> None:
    credit = desk.credited()
    eventually(lambda: len(gateway.rows) == 1)
    desk.do(f"/movements/{credit}/reverse")
    eventually(lambda: len(gateway.rows) == 2)
    pushed = gateway.rows[1]
    listed = next(row for row in desk.statement() if row.reversal)
    assert pushed.reversal
    assert (pushed.direction, pushed.movement_key) == (listed.direction, listed.movement_key)
    assert "SOCAI7K3M9Q2X" in pushed.memo
