"""SePay in the lab: the published check value, and an account at a bank that tells of nothing itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from banks.simulator import sepay
from banks.simulator.enrolment import Enrolment, customer_rows, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort, Mailbox, until

PRINTED = (
    '{"id":92704,"gateway":"MBBank","transactionDate":"2025-01-15 10:30:00","accountNumber":"0001234567890",'
    '"code":null,"content":"SOCAI7K3M9Q2X","transferType":"in","transferAmount":150000,"accumulated":1150000,"subAccount":null,'
    '"referenceCode":"FT25015000000001","description":""}'
)


def test_the_signature_is_the_published_check_value() -> None:
    assert sepay.signature(PRINTED, "sepay-demo-secret", "1736911800") == (
        "sha256=e966888afb235aebcb80a454362f7c90dedc78c34e4de8949985ad9cc5f18519"
    )


@pytest.mark.parametrize("key", ["right", "wrong", "missing"])
def test_movements_are_told_in_the_banks_place(tmp_path: Path, mailbox: Mailbox, key: str) -> None:
    mine = Enrolment(base_url="http://127.0.0.1:1", accounts=(("ba_tcb", "19012345678901"),))
    enrol(tmp_path, personality("techcombank"), mine)
    (row,) = customer_rows(tmp_path)
    feed = row["feed"]
    assert isinstance(feed, dict)
    mailbox.answer = lambda body: (200, '{"success": true}')
    with Simulator(tmp_path, "techcombank", feed_url=mailbox.url) as bank:
        control = ControlPort(bank.control_url)
        control.post("/settings", webhook_s=0)
        control.post("/webhooks", key=key)
        control.post("/pay", account="19012345678901", amount=150_000, memo="SOCAI7K3M9Q2X")
        until(lambda: control.get("/notices")[0]["status"] == "acknowledged")
        control.http.close()
    ((headers, text),) = mailbox.taken
    said = json.loads(text)
    assert list(said) == list(json.loads(PRINTED))
    assert (said["transferAmount"], said["accumulated"], said["transferType"]) == (150_000, 150_000, "in")
    right = sepay.signature(text, str(feed["key"]), headers.get("x-sepay-timestamp", ""))
    assert (headers.get("x-sepay-signature") == right) == (key == "right")
    assert ("x-sepay-signature" in headers) == (key != "missing")


@pytest.mark.parametrize(
    ("http", "text"), [(500, '{"success": true}'), (200, '{"success": 1}'), (200, "ok"), (200, "{}")]
)
def test_an_answer_that_differs_does_not_acknowledge(http: int, text: str) -> None:
    assert sepay.reply_fault(http, text)


@pytest.mark.parametrize("http", [200, 201])
def test_success_acknowledges(http: int) -> None:
    assert sepay.reply_fault(http, '{"success": true}') is None
