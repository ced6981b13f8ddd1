"""A bank tells of our orders by its webhook: taken, repeated, forged, contradicting, and orders that are not ours."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from banks.techcombank_orders import payload
from commands import dispatch
from commands.payouts import RecordPayoutDeclined, SubmitPayout
from ledger.alarms import ORDER_NEWS_CONTRADICTS, UNREADABLE_NOTICE
from ledger.notices import BankNotice
from ledger.payouts import Payout
from tests.banks.techcombank.wire import update
from tests.web.stage import OPERATOR_KEYS, Shop, Stage
from tests.web.test_notices_feeds import FED as TCB
from tests.web.test_notices_feeds import fed_account, message, with_feed
from tests.web.test_notices_feeds import told as feed_tells
from web.context import context

PATH = f"/v1/bank-webhooks/{TCB}"


@pytest.fixture
def told(stage: Stage) -> Stage:
    """The stage with an account at Techcombank."""
    return with_feed(stage, fed_account())


@pytest.fixture
def payout(told: Stage) -> Payout:
    """A payout whose order is on its way to the bank."""
    shop = told.shop(bank_account_id=TCB, approvals_needed=0)
    feed_tells(told, message(told.intent(shop)["code"], amount=1_500_000))
    return sent(told, settled(told, shop))


def settled(stage: Stage, shop: Shop) -> Shop:
    stage.project()
    settlement = stage.admin("POST", "/v1/settlements", {"merchant_id": shop.id})
    stage.admin("POST", f"/v1/settlements/{settlement['id']}/release")
    return shop


def sent(stage: Stage, shop: Shop) -> Payout:
    made = stage.payout(shop)
    do(stage, SubmitPayout(payout_id=made["id"]))
    return found(stage, made["id"])


def do(stage: Stage, command: SubmitPayout | RecordPayoutDeclined) -> None:
    name = type(command).__name__
    dispatch(
        stage.services.ledger, command, context(stage.services, actor="worker:x", request_id="r", natural_key=(name,))
    )


def found(stage: Stage, payout_id: str) -> Payout:
    payout = stage.services.ledger.find(Payout, payout_id)
    assert payout is not None
    return payout


def says(stage: Stage, raw: bytes) -> tuple[int, str, str]:
    """Status, and word and code of the answer, which is SOAP."""
    answer: TestResponse = stage.ask("POST", PATH, raw=raw, key="")
    assert answer.mimetype == "text/xml"
    reply = payload(answer.data, "UpdateStatusRspn")
    return answer.status_code, reply.said("RspnSts", "Sts"), reply.said("RspnSts", "AddtlStsRsnInf")


def news(payout: Payout, state: str = "COMPLETED", remark: str = "000", **other: str) -> bytes:
    return update(PartID=f"SOCAI.{payout.end_to_end_id}", TxnSts=state, TxnStsRemark=remark, **other)


def alarms(stage: Stage) -> list[tuple[str, str]]:
    stage.project()
    shown = stage.done("GET", "/v1/alarms", bearer=OPERATOR_KEYS["auditor"])["data"]
    return [(one["kind"], one["subject"]) for one in shown]


def test_an_order_that_is_done_is_on_record_when_the_bank_is_told_so(told: Stage, payout: Payout) -> None:
    assert says(told, news(payout)) == (200, "RCCF", "000")
    now = found(told, payout.id)
    assert (now.status, now.executed) == ("accepted", True)
    last = told.services.ledger.history(payout.id)[-1]
    assert last.actor == "bank:techcombank"


def test_a_refused_order_fails_and_frees_its_funds(told: Stage, payout: Payout) -> None:
    assert says(told, news(payout, "REJECTED", "PA-005")) == (200, "RCCF", "000")
    now = found(told, payout.id)
    assert (now.status, now.reason, now.holds_funds) == ("failed", "beneficiary_account", False)


def test_a_callback_repeated_or_replayed_changes_nothing_more(told: Stage, payout: Payout) -> None:
    for raw in (news(payout, "PROCESSING", ""), news(payout), news(payout), news(payout, "PROCESSING", "")):
        assert says(told, raw) == (200, "RCCF", "000")
    names = [one.name for one in told.services.ledger.history(payout.id)]
    assert names.count("payout.accepted") == names.count("payout.executed") == 1
    assert alarms(told) == []


def test_a_forged_callback_leaves_no_trace(told: Stage, payout: Payout) -> None:
    head = told.services.ledger.head()
    genuine = news(payout)
    for raw in (
        news(payout, by="maker"),
        genuine.replace(b"COMPLETED", b"FAILED"),
        genuine.replace(payout.end_to_end_id.encode(), b"SP0000000000000"),
        b"",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    ):
        assert says(told, raw) == (401, "RCER", "002")
    assert told.services.ledger.head() == head


def test_a_contradiction_overwrites_nothing_and_calls_people_once(told: Stage, payout: Payout) -> None:
    do(told, RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x"))
    before = found(told, payout.id).version
    for _ in range(2):
        assert says(told, news(payout)) == (200, "RCCF", "000")
    assert found(told, payout.id).version == before
    assert alarms(told) == [(ORDER_NEWS_CONTRADICTS, payout.id)]


def test_an_order_that_is_not_ours_is_kept_with_an_alarm(told: Stage, payout: Payout) -> None:
    for _ in range(2):
        assert says(told, update()) == (400, "RCER", "001")
    ((kind, notice_id),) = alarms(told)
    assert kind == UNREADABLE_NOTICE
    assert told.services.ledger.get(BankNotice, notice_id).bank_account_id == TCB
    assert found(told, payout.id).status == "submitted"


def test_an_order_of_another_account_of_ours_is_not_touched(told: Stage) -> None:
    shop = told.shop(approvals_needed=0)
    told.funds(shop)
    elsewhere = sent(told, shop)
    assert says(told, news(elsewhere)) == (400, "RCER", "001")
    assert found(told, elsewhere.id).status == "submitted"


def test_news_that_says_two_things_decides_nothing(told: Stage, payout: Payout) -> None:
    assert says(told, news(payout, "COMPLETED", "PA-005")) == (400, "RCER", "001")
    assert found(told, payout.id).status == "submitted"
    assert [kind for kind, _ in alarms(told)] == [UNREADABLE_NOTICE]


def test_what_was_kept_and_still_says_nothing_certain_stays_kept(told: Stage, payout: Payout) -> None:
    says(told, news(payout, "COMPLETED", "PA-005"))
    ((_, notice_id),) = alarms(told)
    answer = told.ask("POST", f"/v1/bank-notices/{notice_id}/replay", bearer=OPERATOR_KEYS["admin"])
    assert answer.status_code == 400
