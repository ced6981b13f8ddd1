"""Notices signed by the bank, and answers signed by the customer."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature

from tests.banks.simulator.customer import ControlPort, Mailbox, until
from tests.banks.simulator.vietinbank.customer import Json, acknowledgement, check, covered


def announced(control: ControlPort, mailbox: Mailbox, row: Json, **notify: str) -> Json:
    """The notice of one payment; with `notify` the second one, spoilt."""
    mailbox.answer = lambda body: acknowledgement(row, body) if "header" in body else (200, "")
    paid = control.post("/pay", account="110000000001", amount=150_000, memo="SOCAI7K3M9Q2X")
    if notify:
        mailbox.bodies(1)
        control.post(f"/movements/{paid['reference']}/notify", **notify)
    found: Json = mailbox.bodies(2 if notify else 1)[-1]
    return found


def signature_holds(notice: Json, row: Json) -> bool:
    text = "".join(covered(one, balance=True) for one in notice["data"]["records"])
    try:
        check(notice["header"]["signature"], text, row["bank_public_key_pem"])
    except InvalidSignature:
        return False
    return True


def status(control: ControlPort) -> str:
    found: str = control.get("/notices")[-1]["status"]
    return found


def test_a_notice_is_signed_and_its_answer_acknowledges(control: ControlPort, mailbox: Mailbox, row: Json) -> None:
    notice = announced(control, mailbox, row)
    assert signature_holds(notice, row)
    assert (notice["header"]["msgType"], notice["header"]["recordNum"]) == ("1200", "1")
    (one,) = notice["data"]["records"]
    assert (one["transType"], one["amount"], one["balance"], one["custAcct"]) == (
        *("C", "150000", "100150000", "110000000001"),
    )
    until(lambda: status(control) == "acknowledged")


def test_a_notice_can_be_signed_wrongly_or_not_at_all(control: ControlPort, mailbox: Mailbox, row: Json) -> None:
    wrong = announced(control, mailbox, row, key="wrong")
    assert not signature_holds(wrong, row)
    control.post("/movements/{}/notify".format(control.get("/movements")[0]["reference"]), key="missing")
    assert mailbox.bodies(3)[-1]["header"]["signature"] == ""


def test_the_direction_can_be_turned_without_the_signature_telling(
    control: ControlPort, mailbox: Mailbox, row: Json
) -> None:
    tampered = announced(control, mailbox, row, body="tampered")
    assert signature_holds(tampered, row)
    assert tampered["data"]["records"][0]["transType"] == "D"


@pytest.mark.parametrize(
    "answer",
    [
        lambda row, body: acknowledgement(row, body, "01"),
        lambda row, body: acknowledgement(row, body, msgId="another"),
        lambda row, body: acknowledgement(row, body, msgType="1200"),
        lambda row, body: acknowledgement(row, body, signature="QQ=="),
        lambda row, body: (500, acknowledgement(row, body)[1]),
        lambda row, body: (200, "ok"),
    ],
    ids=["code 01", "another message", "another type", "no signature of ours", "HTTP 500", "another text"],
)
def test_an_answer_that_differs_does_not_acknowledge(
    control: ControlPort, mailbox: Mailbox, row: Json, answer: object
) -> None:
    assert callable(answer)
    mailbox.answer = lambda body: answer(row, body)
    control.post("/pay", account="110000000001", amount=150_000)
    delivery = until(lambda: control.get("/deliveries"))[0]
    assert not delivery["acknowledged"]
    assert delivery["problem"]


def test_the_list_of_a_day_is_one_notice_of_many_records(control: ControlPort, mailbox: Mailbox, row: Json) -> None:
    control.post("/webhooks", mode="drop")
    mailbox.answer = lambda body: acknowledgement(row, body)
    for amount in (1, 2, 3):
        control.post("/pay", account="110000000001", amount=amount)
    control.post("/clock", advance_s=86_400)
    control.post("/webhooks/yesterday")
    (notice,) = mailbox.bodies(1)
    assert [one["amount"] for one in notice["data"]["records"]] == ["1", "2", "3"]
    assert notice["header"]["recordNum"] == "3"
    until(lambda: status(control) == "acknowledged")
