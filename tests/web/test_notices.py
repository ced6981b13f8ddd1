"""Banks' webhooks: taken means durable, repeated changes nothing, unreadable is kept, forged leaves no trace."""

from __future__ import annotations

import itertools
import json
import random
import secrets
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest

from commands import dispatch
from commands.notices import KeepUnreadableNotice
from commands.statements import from_bank, line_of
from ledger.alarms import Alarm
from ledger.journal import id_of_entry
from ledger.json_lines import JsonLines
from ledger.money import Money
from ledger.notices import BankNotice
from ledger.payments import PaymentIntent
from ledger.privacy import Personal
from ledger.statements import StatementLine
from ledger.store import Ledger
from tests.banks.acb.rig import OLDER_KEY, account
from tests.web.stage import BANK_ACCOUNT, OPERATOR_KEYS, Stage, notice, problem, said, settings
from tests.web.test_health import NO_MONGO
from web.context import context

PLANTED = "NGUYEN VAN KIN 0001234567890"
PATH = f"/v1/bank-webhooks/{BANK_ACCOUNT}"


def code(answer: object) -> str:
    return str(said(answer)["responseStatus"]["responseCode"])  # type: ignore[arg-type]


def nonsense(planted: str) -> PaymentIntent.Reversed:
    """Takes back a line that the intent never had."""
    none = Money(0, "VND")
    return PaymentIntent.Reversed(line_id=planted, amount=none, fee=none, received=none, status="awaiting")


def lines(stage: Stage) -> list[str]:
    return [one.stream for one in stage.services.ledger.follow() if isinstance(one.event, StatementLine.Recorded)]


def test_a_movement_that_is_acknowledged_is_on_record(stage: Stage) -> None:
    intent = stage.intent(stage.shop())
    answer = stage.pays(intent["code"])
    assert (answer.status_code, code(answer)) == (200, "00000000")
    assert said(answer)["responseBody"]["referenceCode"] == lines(stage)[0]
    assert stage.services.ledger.get(PaymentIntent, intent["id"]).status == "paid"


def test_the_same_notices_in_any_order_any_number_of_times_change_nothing_more(stage: Stage) -> None:
    shop = stage.shop()
    intents = [stage.intent(shop, 1_000 + number) for number in range(3)]
    bodies = [
        notice(memo=intent["code"], amount=intent["amount"], trace=f"9{number}")
        for number, intent in enumerate(intents)
    ]
    mixed = bodies * 3
    random.Random(7).shuffle(mixed)
    for body in mixed:
        assert code(stage.bank_says(body)) == "00000000"
    assert len(lines(stage)) == 3
    found = [stage.services.ledger.get(PaymentIntent, intent["id"]) for intent in intents]
    assert [(one.status, one.received.units) for one in found] == [("paid", 1_000 + n) for n in range(3)]


def test_every_order_of_three_partial_payments_ends_alike(stage: Stage) -> None:
    shop = stage.shop()
    ends = set()
    for turn, order in enumerate(itertools.permutations((100, 200, 300))):
        intent = stage.intent(shop, 600)
        for part in order:
            stage.bank_says(notice(memo=intent["code"], amount=part, trace=f"8{turn}{part}"))
        found = stage.services.ledger.get(PaymentIntent, intent["id"])
        ends.add((found.status, found.received.units, found.fees.units))
    assert ends == {("paid", 600, 6)}


def test_the_older_key_is_good_while_it_is_being_replaced(stage: Stage) -> None:
    assert stage.pays("x", webhook_key=OLDER_KEY).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"Authorization": "wrong"}, {"x-api-key": ""}, {"Authorization": "Bearer "}])
def test_a_forged_notice_leaves_no_trace(shared_stage: Stage, headers: dict[str, str]) -> None:
    stage = shared_stage
    head = stage.services.ledger.head()
    for raw in (notice(memo="x", amount=5, trace="1"), b"", b"{", b"\xff" * 100):
        answer = stage.ask("POST", PATH, raw=raw, key="", headers=headers)
        assert (answer.status_code, code(answer)) == (401, "40100001")
    assert stage.services.ledger.head() == head


def test_an_account_that_is_not_ours_is_not_found(stage: Stage) -> None:
    answer = stage.ask("POST", "/v1/bank-webhooks/ba_none", raw=b"{}", key="")
    assert problem(answer)[:2] == (404, "unknown-bank-account")


def kept_notice(stage: Stage) -> str:
    (found,) = [one.stream for one in stage.services.ledger.follow() if isinstance(one.event, BankNotice.Kept)]
    return found


GENUINE = notice(memo="x", amount=150_000, trace="77")
UNREADABLE = {
    "cut off": GENUINE[:-40],
    "empty": b"",
    "not JSON": b"<xml/>",
    "a key twice": GENUINE.replace(b'"requestTrace"', b'"requestTrace": "y", "requestTrace"', 1),
    "a fraction of a dong": GENUINE.replace(b"150000", b"150000.5"),
    "a negative amount": GENUINE.replace(b"150000", b"-150000"),
    "an absurd amount": GENUINE.replace(b"150000", b"9" * 30),
    "no amount": GENUINE.replace(b'"amount": 150000', b'"amounts": 150000'),
    "another account": notice(memo="x", amount=5, trace="78", number="99999999"),
    "another request": GENUINE.replace(b"TRANSACTION_UPDATE", b"SOMETHING_NEW"),
    "compressed": b"\x1f\x8b\x08\x00" + b"\x00" * 20,
}
FITTING = {"another account"}
"""What is of the shape we know, and says what cannot be."""


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_authentic_notice_nobody_understands_is_kept_whole_with_an_alarm(stage: Stage, what: str) -> None:
    raw = UNREADABLE[what]
    for _ in range(3):
        answer = stage.bank_says(raw)
        assert (answer.status_code, code(answer)) == (400, "40000001")
    assert lines(stage) == []
    stage.project()
    alarms = stage.done("GET", "/v1/alarms", bearer=OPERATOR_KEYS["auditor"])["data"]
    drifted = what not in FITTING
    assert [alarm["kind"] for alarm in alarms] == ["bank_contract_drift" if drifted else "unreadable_notice"]
    kept = stage.services.ledger.get(BankNotice, kept_notice(stage))
    assert kept.drift == (alarms[0]["subject"] if drifted else "")
    assert b64decode(stage.services.ledger.vault.open(kept.body)) == raw


def test_a_kept_notice_that_is_still_not_understood_stays_kept(stage: Stage) -> None:
    stage.bank_says(UNREADABLE["cut off"])
    kept = kept_notice(stage)
    answer = stage.ask("POST", f"/v1/bank-notices/{kept}/replay", bearer=OPERATOR_KEYS["admin"])
    assert problem(answer)[:2] == (400, "webhook-unreadable")
    assert not stage.services.ledger.get(BankNotice, kept).replayed


def test_a_kept_notice_is_read_once_it_can_be(stage: Stage) -> None:
    """A movement of an account that was missing from our file: once it is there, the kept message is read."""

    bank = stage.services.banks[BANK_ACCOUNT]
    before = replace(account("http://127.0.0.1:9"), account_number="11111111")
    unready = type(bank)(before, bank._transport, stage.clock, lambda: "t")
    intent = stage.intent(stage.shop())
    raw = notice(memo=intent["code"], amount=1_500_000, trace="55")
    earlier = Stage(replace(stage.services, banks={BANK_ACCOUNT: unready}), stage.clock)
    assert earlier.bank_says(raw).status_code == 400
    kept = kept_notice(stage)
    path = f"/v1/bank-notices/{kept}/replay"
    first = stage.admin("POST", path, key="k")
    assert first["lines"] == lines(stage)
    assert stage.admin("POST", path, key="k") == first
    assert stage.services.ledger.get(PaymentIntent, intent["id"]).status == "paid"
    assert stage.bank_says(raw).status_code == 200
    assert len(lines(stage)) == 1


def test_a_notice_that_is_not_there_cannot_be_replayed(stage: Stage) -> None:
    answer = stage.ask("POST", "/v1/bank-notices/bn_none/replay", bearer=OPERATOR_KEYS["admin"])
    assert problem(answer)[:2] == (404, "bank-notice-not-found")


def test_a_notice_above_the_bound_is_not_read(stage: Stage) -> None:
    head = stage.services.ledger.head()
    answer = stage.bank_says(b" " * (1024 * 1024 + 1))
    assert answer.status_code == 400
    assert stage.services.ledger.head() == head


def test_the_bank_is_asked_to_come_again_while_nothing_can_be_recorded(stage: Stage) -> None:
    raw = notice(memo="x", amount=5_000, trace="66")
    store = Ledger.open(settings(NO_MONGO, "sqlite://"), secrets.token_bytes)
    answer = Stage(replace(stage.services, ledger=store), stage.clock).bank_says(raw)
    assert (answer.status_code, code(answer)) == (503, "50300001")
    unreadable = Stage(replace(stage.services, ledger=store), stage.clock).bank_says(b"{")
    assert unreadable.status_code == 503
    assert stage.bank_says(raw).status_code == 200
    assert len(lines(stage)) == 1


def test_a_race_lost_too_often_is_no_conflict_for_the_bank(stage: Stage) -> None:
    """Another event holds the place of the journal entry, so every try to keep the line loses its race."""
    raw = notice(memo="nobody's", amount=5_000, trace="67")
    row = stage.services.banks[BANK_ACCOUNT].parse_webhook(raw).lines[0]
    line_id = line_of(from_bank(BANK_ACCOUNT, row))
    stage.plant(id_of_entry("credit_unidentified", line_id), 1, PaymentIntent.Expired())
    answer = stage.bank_says(raw)
    assert (answer.status_code, code(answer)) == (503, "50300001")
    assert lines(stage) == []
    assert stage.pays("another").status_code == 200


def test_a_bug_while_recording_is_logged_without_its_words_and_the_bank_comes_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """The intent's stream holds an event that cannot follow: folding it raises KeyError, which quotes a name."""
    intent = stage.intent(stage.shop())
    stage.plant(intent["id"], 2, nonsense(PLANTED))
    answer = stage.pays(intent["code"])
    assert (answer.status_code, code(answer)) == (503, "50300001")
    assert lines(stage) == []
    written = [JsonLines().format(record) for record in caplog.records if record.name == "web.notices"]
    assert len(written) == 1
    line = json.loads(written[0])
    assert (line["level"], line["exception"]) == ("error", "KeyError")
    assert answer.headers["Request-Id"] in line["message"]
    assert PLANTED in str(caplog.records[0].exc_info)
    assert PLANTED not in written[0]
    assert PLANTED.encode() not in answer.data


def test_neither_key_nor_body_is_told_back(stage: Stage) -> None:
    answer = stage.bank_says(json.dumps({"planted": "memo of a person"}).encode())
    assert b"planted" not in answer.data


# contract drift

DRIFTED = {
    "webhook.transactionDate": GENUINE.replace(b'"transactionDate": "', b'"transactionDate": "on '),
    "webhook.amount": GENUINE.replace(b"150000", b"[150000]"),
    "webhook.transactionStatus": GENUINE.replace(b"COMPLETED", b"SETTLED"),
    "webhook.requestMeta.requestCode": GENUINE.replace(b"TRANSACTION_UPDATE", b"SOMETHING_NEW"),
}


@pytest.mark.parametrize("place", DRIFTED)
def test_a_notice_of_another_shape_names_the_place_and_records_nothing(stage: Stage, place: str) -> None:
    assert DRIFTED[place] != GENUINE
    assert stage.bank_says(DRIFTED[place]).status_code == 400
    assert lines(stage) == []
    (alarm,) = raised(stage)
    assert (alarm.kind, alarm.subject) == ("bank_contract_drift", f"acb.{place}")
    assert kept_notice(stage) in alarm.detail
    assert not any(value in alarm.detail for value in ("150000", "SETTLED", "SOMETHING_NEW", "on 20"))


def raised(stage: Stage) -> list[Alarm.Raised]:
    return [one.event for one in stage.services.ledger.follow() if isinstance(one.event, Alarm.Raised)]


def test_many_notices_of_one_drift_ring_once_and_another_place_rings_too(stage: Stage) -> None:
    for number in range(4):
        body = notice(memo=f"x{number}", amount=150_000, trace=f"9{number}")
        stage.bank_says(body.replace(b"COMPLETED", b"SETTLED"))
    assert len(raised(stage)) == 1
    stage.bank_says(DRIFTED["webhook.amount"])
    assert [alarm.subject for alarm in raised(stage)] == ["acb.webhook.transactionStatus", "acb.webhook.amount"]


def test_an_answer_that_was_set_aside_is_not_read_as_a_notice(stage: Stage) -> None:
    command = KeepUnreadableNotice(
        bank_account_id=BANK_ACCOUNT,
        body_digest="ab" * 32,
        body=Personal(b64encode(GENUINE).decode()),
        reason="x",
        operation="history",
        drift="acb.history.x",
    )
    circumstances = context(stage.services, actor="worker:x", request_id="r", natural_key=("keep",))
    dispatch(stage.services.ledger, command, circumstances)
    answer = stage.ask("POST", f"/v1/bank-notices/{kept_notice(stage)}/replay", bearer=OPERATOR_KEYS["admin"])
    assert problem(answer)[:2] == (400, "webhook-unreadable")
    assert lines(stage) == []
