"""What the bank tells of orders, and which answers of ours it takes."""

from __future__ import annotations

import hashlib
from xml.etree import ElementTree

import pytest

from tests.banks.simulator.customer import ControlPort, Json, Mailbox, until
from tests.banks.simulator.techcombank.customer import (
    COLLECTION,
    Customer,
    acknowledgement,
    content,
    envelope,
    holds,
    read,
    today,
    unsealed,
)


def canonical(told: Json) -> str:
    """5.1.1, as the customer reads it."""
    return "".join(["UpdateStatus", *(told[name] for name in ("PartID", "Channel", "TxnSts", "TxnStsRemark"))])


def signed_right(callback: str, row: Json) -> bool:
    asked = read(callback)[1]
    digest = hashlib.sha256(canonical(asked["ReqInf"]).encode()).digest()
    return holds(asked["ReqGnlInf"]["Sgntr"]["Sgntr1"], digest, row["bank_signing_certificate_pem"])


def test_the_end_of_an_order_is_told_signed_and_taken(
    customer: Customer, control: ControlPort, mailbox: Mailbox
) -> None:
    said = customer.pay("T1")
    until(lambda: mailbox.taken)
    headers, text = mailbox.taken[0]
    name, asked = read(text)
    assert (name, headers["soapaction"], headers["content-type"]) == (
        "UpdateStatusReq",
        '"UpdateStatus"',
        "text/xml; charset=utf-8",
    )
    assert asked["ReqInf"] == {
        "PartID": "SOCAI.T1",
        "Channel": "SOCAIH2H",
        "TxnSts": "COMPLETED",
        "TxnStsRemark": "000",
        "TxnDes": "COMPLETED",
        "TxnDate": today(),
        "TxnBnkID": customer.status("T1")["TxnBnkID"],
        "ChannelTxnId": said["TxInf"]["RefId"],
    }
    assert asked["ReqGnlInf"]["Id"] == asked["ReqGnlInf"]["TxId"]
    assert signed_right(text, customer.row)
    until(lambda: [notice["status"] for notice in control.get("/notices")] == ["acknowledged"])


def test_a_failure_is_told_too(customer: Customer, control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/next-order", fault="decline", how="later", reason="Account is blocked")
    customer.pay("T1")
    until(lambda: mailbox.taken)
    told = read(mailbox.taken[0][1])[1]["ReqInf"]
    assert (told["TxnSts"], told["TxnStsRemark"], told["TxnBnkID"]) == ("FAILED", "001", "")


@pytest.mark.parametrize("spoilt", [{"key": "wrong"}, {"body": "tampered"}])
def test_a_signature_can_be_wrong(customer: Customer, control: ControlPort, mailbox: Mailbox, spoilt: Json) -> None:
    control.post("/webhooks", **spoilt)
    customer.pay("T1")
    until(lambda: mailbox.taken)
    assert not signed_right(mailbox.taken[0][1], customer.row)


def test_a_signature_can_be_missing(customer: Customer, control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/webhooks", key="missing")
    customer.pay("T1")
    until(lambda: mailbox.taken)
    assert "Sgntr" not in mailbox.taken[0][1]


def test_a_callback_can_be_told_again_or_never(customer: Customer, control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/webhooks", mode="drop")
    customer.pay("T1")
    assert customer.ended("T1")["TxnSts"] == "COMPLETED"
    assert mailbox.taken == []
    control.post("/orders/T1/notify", times=2)
    until(lambda: len(mailbox.taken) == 2)


def test_a_sealed_callback_opens_with_the_customers_key(
    customer: Customer, control: ControlPort, mailbox: Mailbox
) -> None:
    control.post("/settings", sealed_callbacks=True)
    customer.pay("T1")
    until(lambda: mailbox.taken)
    closed = read(mailbox.taken[0][1])[1]["ReqInf"]
    opened = ElementTree.fromstring(unsealed(closed, customer.row["opening_key_pem"]))  # noqa: S314 - our own bank's
    assert opened.tag == f"{{{COLLECTION}}}ReqInf"
    assert content(opened)["PartID"] == "SOCAI.T1"


def test_prefixes_change_from_message_to_message(customer: Customer, control: ControlPort) -> None:
    assert len({customer.ask("T1").text for _ in range(6)}) == 3
    control.post("/settings", prefixes="v1")
    (only,) = {customer.ask("T1").text for _ in range(3)}
    assert "<soapenv:Envelope" in only
    assert "<v1:InqTxStsRspn" in only


def _refused(text: str) -> tuple[int, str]:
    return acknowledgement(text, "RCER", "002")


def _of_another(text: str) -> tuple[int, str]:
    return acknowledgement(text, Id="other")


def _not_ours(_: str) -> tuple[int, str]:
    return 200, envelope(f'<XferRspn xmlns="{COLLECTION}"/>')


def _error(_: str) -> tuple[int, str]:
    return 500, ""


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (_refused, "not taken: 002|text"),
        (_of_another, "Id must be the one of the request"),
        (_not_ours, "the body must hold UpdateStatusRspn"),
        (_error, "HTTP 500"),
    ],
    ids=["refused", "of_another", "not_ours", "error"],
)
def test_what_does_not_take_it_brings_it_again_three_times(
    customer: Customer, control: ControlPort, mailbox: Mailbox, answer: object, problem: str
) -> None:
    assert callable(answer)
    mailbox.answer_text = answer
    customer.pay("T1")
    for attempt in range(1, 5):
        until(lambda: len(control.get("/deliveries")) == attempt)  # noqa: B023 - called before the next turn
        control.post("/clock", advance_s=301)
    until(lambda: [notice["status"] for notice in control.get("/notices")] == ["given_up"])
    deliveries = control.get("/deliveries")
    assert len(deliveries) == 4
    assert {delivery["problem"] for delivery in deliveries} == {problem}
