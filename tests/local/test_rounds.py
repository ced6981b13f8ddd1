"""The people at a bank in the demonstration; the whole round runs in tests/flows/test_demo.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment
from banks.simulator.lab import Lab, enrol_all
from local.caller import Caller
from local.processes import free_port
from local.rounds import Round
from tests.banks.simulator.customer import ControlPort, until
from tests.banks.simulator.vietinbank.customer import Customer


@pytest.mark.parametrize("approval", ["by_hand", "auto"])
def test_an_order_that_waits_for_a_person_is_approved_by_one(tmp_path: Path, approval: str) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    enrol_all(tmp_path, {"vietinbank": Enrolment(base_url=base, accounts=(("ba_1", "110000000001"),), balance=500_000)})
    row = json.loads((tmp_path / "accounts.json").read_text())["bank_accounts"][0]
    said: list[str] = []
    with Lab(tmp_path) as lab:
        control = ControlPort(f"{lab.control_url}/vietinbank")
        control.post("/settings", approval=approval, answer_s=0, validate_s=0, transfer_s=0)
        customer, nobody = Customer(row, base), Caller("http://127.0.0.1:9")
        customer.pay("T1")
        Round("vietinbank", "", lab.control_url, nobody, nobody, said.append).approved_at_the_bank("T1")
        until(lambda: customer.line("T1")["status"] == "00")
        for one in (control.http, customer.http, nobody):
            one.close()
    assert any("approved" in line for line in said) == (approval == "by_hand")
