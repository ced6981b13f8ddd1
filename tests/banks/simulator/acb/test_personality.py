"""ACB as one of the simulated banks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from banks.simulator.acb.personality import PROFILE, reference
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort, Mailbox, until


def test_references_never_come_again() -> None:
    days = (date(2025, 1, 15), date(2025, 1, 16), date(2026, 1, 15))
    assert len({reference(day, number) for day in days for number in (1, 2)}) == 6
    assert PROFILE.reference(days[0], 1) == "ACB2501500000001"


def test_the_address_of_a_notice_may_name_our_account(tmp_path: Path) -> None:
    box = Mailbox()
    mine = Enrolment(base_url="http://127.0.0.1:1", accounts=(("ba_one", "11111111"), ("ba_two", "22222222")))
    enrol(tmp_path, personality("acb"), mine)
    with Simulator(tmp_path, webhook_url=box.url + "/{account}") as bank:
        control = ControlPort(bank.control_url)
        control.post("/settings", webhook_s=0)
        control.post("/pay", account="22222222", amount=5)
        (delivery,) = until(lambda: control.get("/deliveries"))
        control.http.close()
    box.close()
    assert delivery["url"] == box.url + "/ba_two"


def test_acb_tells_nobody_of_orders(control: ControlPort) -> None:
    assert control.refused("/orders/T1/notify")[0] == 404
    assert not PROFILE.tells_of_orders


@pytest.mark.parametrize("style", [None, "lower"])
def test_a_payers_text_is_written_acbs_way_unless_told(control: ControlPort, style: str | None) -> None:
    paid = control.post("/pay", account="12345678", amount=5, memo="Trả tiền", memo_style=style)
    assert paid["memo"].startswith("tra tien GD " if style else "TRA TIEN GD ")
