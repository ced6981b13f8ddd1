"""Aggregators tell of movements in a bank's place: the same rules as for banks, and an answer of their own."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import b64decode
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from banks.accounts import BankAccount, FeedAccess
from banks.bank import StatementRow
from banks.registry import open_banks, open_feeds
from banks.transport import Transport
from commands import dispatch
from commands.statements import from_bank
from ledger.money import Money
from ledger.notices import BankNotice
from ledger.payments import PaymentIntent
from ledger.settings import Secret
from ledger.statements import StatementLine
from ledger.store import Ledger
from tests.banks.techcombank.rig import account
from tests.banks.techcombank.wire import ACCOUNT_NUMBER, update
from tests.web.stage import OPERATOR_KEYS, Stage, problem, settings
from tests.web.test_health import NO_MONGO
from web.context import context

FED = "ba_techcombank_main"
KEY = "planted-feed-key-0001"
PATH = f"/v1/bank-feeds/{FED}"


def fed_account(source: str = "sepay", *, number: str = ACCOUNT_NUMBER) -> BankAccount:
    feed = FeedAccess(source, (Secret(KEY),))
    return replace(account("http://127.0.0.1:9"), feed=feed, account_number=number)


def with_feed(stage: Stage, ours: BankAccount) -> Stage:
    """The stage with one more account, whose movements an aggregator tells."""
    accounts = {ours.id: ours}
    transport = Transport(lambda: 0.0)
    banks = {**stage.services.banks, **open_banks(accounts, transport, stage.clock, lambda: "t")}
    feeds = open_feeds(accounts, stage.clock)
    return Stage(replace(stage.services, banks=banks, feeds=feeds), stage.clock, _numbers=stage._numbers)


@pytest.fixture
def fed(stage: Stage) -> Stage:
    return with_feed(stage, fed_account())


def message(
    memo: str,
    *,
    number: int = 92704,
    reference: str | None = "FT25015000000001",
    account_number: str = ACCOUNT_NUMBER,
    amount: int = 150_000,
) -> bytes:
    said = {
        "id": number,
        "gateway": "Techcombank",
        "transactionDate": "2025-01-15 10:30:00",
        "accountNumber": account_number,
        "code": None,
        "content": memo,
        "transferType": "in",
        "transferAmount": amount,
        "accumulated": 0,
        "subAccount": None,
        "referenceCode": reference,
        "description": "",
    }
    return json.dumps(said).encode()


def told(stage: Stage, raw: bytes, *, key: str = KEY, path: str = PATH) -> TestResponse:
    stamp = str(int(stage.clock().timestamp()))
    digest = hmac.digest(key.encode(), stamp.encode() + b"." + raw, "sha256").hex()
    headers = {"X-SePay-Timestamp": stamp, "X-SePay-Signature": f"sha256={digest}"}
    return stage.ask("POST", path, raw=raw, key="", headers=headers)


def lines(stage: Stage) -> list[StatementLine.Recorded]:
    return [one.event for one in stage.services.ledger.follow() if isinstance(one.event, StatementLine.Recorded)]


def kept(stage: Stage) -> list[str]:
    return [one.stream for one in stage.services.ledger.follow() if isinstance(one.event, BankNotice.Kept)]


def test_a_movement_that_is_acknowledged_is_on_record_and_pays_what_it_names(fed: Stage) -> None:
    intent = fed.intent(fed.shop(bank_account_id=FED), 150_000)
    for _ in range(3):
        answer = told(fed, message(intent["code"]))
        assert (answer.status_code, answer.json) == (200, {"success": True})
    assert len(lines(fed)) == 1
    assert fed.services.ledger.get(PaymentIntent, intent["id"]).status == "paid"
    (recorded,) = [one for one in fed.services.ledger.follow() if isinstance(one.event, StatementLine.Recorded)]
    assert recorded.actor == "feed:sepay"


def test_what_the_bank_told_before_is_not_told_again(fed: Stage) -> None:
    (told_by_feed,) = fed.services.feeds[FED].parse_webhook(message("a text")).lines
    row = StatementRow(
        account_number=ACCOUNT_NUMBER,
        bank_reference="FT25015000000001",
        direction="credit",
        amount=Money(150_000),
        booked_at=told_by_feed.booked_at,
        bank_time="2025-01-15",
        value_date=told_by_feed.value_date,
        source="history",
        memo="another text",
    )
    circumstances = context(fed.services, actor="bank:techcombank", request_id="r", natural_key=("x",))
    dispatch(fed.services.ledger, from_bank(FED, row), circumstances)
    assert told(fed, message("a text")).status_code == 200
    assert len(lines(fed)) == 1


def test_movements_without_the_bank_reference_are_told_apart(fed: Stage) -> None:
    for number in (1, 2, 1):
        assert told(fed, message("twins", number=number, reference=None)).status_code == 200
    assert [one.bank_reference for one in lines(fed)] == ["sepay-1", "sepay-2"]


def test_a_forged_message_leaves_no_trace(fed: Stage) -> None:
    head = fed.services.ledger.head()
    for raw in (message("x"), b"", b"{", b"\xff"):
        answer = told(fed, raw, key="another-key-of-somebody")
        assert (answer.status_code, answer.json) == (401, {"success": False})
        assert fed.ask("POST", PATH, raw=raw, key="").status_code == 401
    assert fed.services.ledger.head() == head


def test_a_message_replayed_after_its_time_leaves_no_trace(fed: Stage) -> None:
    raw = message("x")
    stamp = str(int(fed.clock().timestamp()) - 301)
    digest = hmac.digest(KEY.encode(), stamp.encode() + b"." + raw, "sha256").hex()
    headers = {"X-SePay-Timestamp": stamp, "X-SePay-Signature": f"sha256={digest}"}
    assert fed.ask("POST", PATH, raw=raw, key="", headers=headers).status_code == 401
    assert lines(fed) == []


UNREADABLE = {
    "not JSON": b"<xml/>",
    "empty": b"",
    "another account": message("x", account_number="99999999"),
    "a fraction of a dong": message("x").replace(b"150000", b"150000.5"),
    "a key twice": message("x").replace(b'"id"', b'"id": 1, "id"', 1),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_nobody_understands_is_kept_whole_and_need_not_come_again(fed: Stage, what: str) -> None:
    for _ in range(2):
        answer = told(fed, UNREADABLE[what])
        assert (answer.status_code, answer.json) == (200, {"success": True})
    assert lines(fed) == []
    (notice_id,) = kept(fed)
    notice = fed.services.ledger.get(BankNotice, notice_id)
    assert b64decode(fed.services.ledger.vault.open(notice.body)) == UNREADABLE[what]
    assert notice.feed == "sepay"
    fed.project()
    alarms = fed.done("GET", "/v1/alarms", bearer=OPERATOR_KEYS["auditor"])["data"]
    expected = "unreadable_notice" if what == "another account" else "bank_contract_drift"
    assert [alarm["kind"] for alarm in alarms] == [expected]
    assert (notice.drift == alarms[0]["subject"]) == (expected == "bank_contract_drift")


def test_what_was_kept_is_read_by_the_feed_once_it_can_be(stage: Stage) -> None:
    before = with_feed(stage, fed_account(number="11111111"))
    assert told(before, message("x")).status_code == 200
    (notice_id,) = kept(before)
    path = f"/v1/bank-notices/{notice_id}/replay"
    after = with_feed(stage, fed_account())
    assert problem(before.ask("POST", path, bearer=OPERATOR_KEYS["admin"]))[:2] == (400, "webhook-unreadable")
    assert len(after.admin("POST", path)["lines"]) == len(lines(after)) == 1


def test_what_was_kept_is_not_read_by_another_feed_or_the_bank(stage: Stage) -> None:
    before = with_feed(stage, fed_account(number="11111111"))
    told(before, message("x"))
    (notice_id,) = kept(before)
    for other in (with_feed(stage, fed_account("casso")), with_feed(stage, replace(fed_account(), feed=None))):
        answer = other.ask("POST", f"/v1/bank-notices/{notice_id}/replay", bearer=OPERATOR_KEYS["admin"])
        assert problem(answer)[:2] == (404, "unknown-bank-account")
    assert lines(stage) == []


def test_an_account_without_a_feed_is_not_found(fed: Stage) -> None:
    for path in ("/v1/bank-feeds/ba_acb_main", "/v1/bank-feeds/ba_none"):
        assert problem(told(fed, message("x"), path=path))[:2] == (404, "unknown-bank-account")


def test_the_bank_and_its_aggregator_do_not_take_each_other_words(fed: Stage) -> None:
    head = fed.services.ledger.head()
    assert told(fed, message("x"), path=f"/v1/bank-webhooks/{FED}").status_code == 401
    assert fed.ask("POST", PATH, raw=update(), key="").status_code == 401
    assert fed.services.ledger.head() == head


def test_the_aggregator_is_asked_to_come_again_while_nothing_can_be_recorded(fed: Stage) -> None:
    store = Ledger.open(settings(NO_MONGO, "sqlite://"), secrets.token_bytes)
    shut = Stage(replace(fed.services, ledger=store), fed.clock)
    for raw in (message("x"), b"{"):
        answer = told(shut, raw)
        assert (answer.status_code, answer.json) == (503, {"success": False})
    assert told(fed, message("x")).status_code == 200
    assert len(lines(fed)) == 1


def test_a_message_above_the_bound_is_not_read(fed: Stage) -> None:
    head = fed.services.ledger.head()
    assert told(fed, b" " * (1024 * 1024 + 1)).status_code == 400
    assert fed.services.ledger.head() == head


def test_neither_key_nor_body_is_told_back(fed: Stage) -> None:
    for answer in (
        told(fed, b'{"planted":"memo of a person"}'),
        told(fed, b'{"planted":1}', key="planted-wrong-key-1"),
    ):
        assert b"planted" not in answer.data
