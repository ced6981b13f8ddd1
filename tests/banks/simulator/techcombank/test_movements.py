"""History rows and pushes of movements: the assumed contract of 5.1.7."""

from __future__ import annotations

import json

import pytest

from banks.simulator.techcombank.movements import acknowledgement_fault
from tests.banks.simulator.customer import ControlPort, Mailbox, until
from tests.banks.simulator.techcombank.conftest import OPENING, OWN
from tests.banks.simulator.techcombank.customer import Customer, holds


def test_a_credit_has_one_reference_in_history_and_push(
    customer: Customer, control: ControlPort, mailbox: Mailbox
) -> None:
    control.post("/settings", pushes=True)
    control.post("/pay", account=OWN, amount=150_000, memo="SOCAI7K3M9Q2X")
    until(lambda: mailbox.taken)
    headers, text = mailbox.taken[0]
    told, (row,) = json.loads(text), customer.history().json()
    assert told["transactionRef"] == row["reference"]
    assert row["reference"].endswith("\\BNK")
    assert (told["creditDebitIndicator"], told["amount"], told["description"]) == ("CRDT", "150000", "SOCAI7K3M9Q2X")
    assert told["counterParty"] == {
        "name": "NGUYEN VAN ANH",
        "accountNumber": "1012345678",
        "bankName": "Vietcombank",
    }
    assert told["runningBalance"] == row["runningBalance"] == str(OPENING + 150_000)
    assert holds(headers["x-tcb-signature"], text.encode(), customer.row["bank_signing_certificate_pem"])
    until(lambda: [notice["status"] for notice in control.get("/notices")] == ["acknowledged"])


def test_a_debit_has_no_suffix(customer: Customer, control: ControlPort) -> None:
    customer.pay("T1")
    until(lambda: customer.history().json())
    (row,) = customer.history().json()
    assert row["reference"] == customer.ended("T1")["TxnBnkID"]
    assert (row["creditDebitIndicator"], row["additions"]["creditBank"]) == ("DBIT", "MBBank")


def test_movements_are_pushed_only_where_the_settings_say_so(control: ControlPort) -> None:
    control.post("/pay", account=OWN, amount=5)
    assert control.get("/notices") == []
    assert control.refused("/webhooks/yesterday")[0] == 409


@pytest.mark.parametrize("spoilt", [{"key": "wrong"}, {"body": "tampered"}, {"key": "missing"}])
def test_a_push_can_be_signed_wrongly(
    customer: Customer, control: ControlPort, mailbox: Mailbox, spoilt: dict[str, str]
) -> None:
    control.post("/settings", pushes=True)
    control.post("/webhooks", **spoilt)
    control.post("/pay", account=OWN, amount=5)
    until(lambda: mailbox.taken)
    headers, text = mailbox.taken[0]
    signature = headers.get("x-tcb-signature", "")
    assert not (signature and holds(signature, text.encode(), customer.row["bank_signing_certificate_pem"]))


@pytest.mark.parametrize(
    ("http", "answer", "taken"),
    [
        (200, '{"code":"000","message":"Success"}', True),
        (200, '{"code":"001","message":"Success"}', False),
        (200, '{"code":"000"}', False),
        (200, "OK", False),
        (500, '{"code":"000","message":"Success"}', False),
    ],
)
def test_only_the_agreed_answer_acknowledges(http: int, answer: str, taken: bool) -> None:
    assert (acknowledgement_fault(http, answer) is None) is taken
