"""Movements as records: every printed field is there, and text."""

from __future__ import annotations

from banks.simulator.vietinbank.rows import FIELDS
from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.vietinbank.customer import Customer


def test_a_record_has_the_printed_fields(customer: Customer, control: ControlPort) -> None:
    control.post("/charge", account="110000000001", amount=11_000, memo="PHI")
    (row,) = customer.rows("d")
    assert set(row) == set(FIELDS)
    assert len(FIELDS) == 42
    assert all(isinstance(value, str) for name, value in row.items() if name != "status")


def test_a_reversal_names_what_it_takes_back(customer: Customer, control: ControlPort) -> None:
    paid = control.post("/pay", account="110000000001", amount=5)
    control.post(f"/movements/{paid['reference']}/reverse")
    assert customer.rows("d")[0]["originalId"] == paid["reference"]
