"""MBDN as one of the simulated banks."""

from __future__ import annotations

from banks.simulator.mbdn.personality import PROFILE
from banks.simulator.personality import personalities
from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.mb.customer import Door, Json
from tests.banks.simulator.mbdn.customer import ACCOUNT, Customer


def test_it_stands_beside_mb_and_speaks_under_its_own_code(row: Json) -> None:
    assert {"mb", "mbdn"} <= set(personalities())
    assert (PROFILE.code, PROFILE.bin, row["bank"]) == ("mbdn", "970422", "mbdn")


def test_movements_are_pushed_as_mb_does_and_nobody_is_told_of_orders(
    customer: Customer, control: ControlPort, door: Door
) -> None:
    customer.order_file("T1")
    control.post("/orders/T1", status="executed")
    (push,) = door.bodies(1)
    assert (push["transType"], push["amount"], push["bankaccount"]) == ("D", 200_000, ACCOUNT)
    assert door.results() == []
    assert door.tokens == [door.basic]
