"""What was set aside is gone through again, and only what is understood then waits no more."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import replace

import msgspec
import pytest

from banks.acb import Acb
from banks.accounts import FeedAccess
from banks.bank import BankNotice as Said
from banks.feeds.sepay import Sepay
from banks.outcomes import Executed, Misfit, Outcome, Unknown
from commands.notices import KeepUnreadableNotice
from ledger.alarms import BANK_CONTRACT_DRIFT, drift_of, id_of_alarm
from ledger.calendar import bank_day
from ledger.notices import BankNotice
from ledger.payouts import ANSWER_WITHIN
from ledger.privacy import Personal
from ledger.settings import Secret
from ledger.statements import StatementLine
from tests.banks.acb.rig import recorded
from tests.workers.world import ACCOUNT_NUMBER, BANK_ACCOUNT, World
from workers.parts import Parts
from workers.payouts import enquire_payout, submit_payout
from workers.replay import replay
from workers.statements import read_statement


def genuine(status: str = "COMPLETED") -> bytes:
    """A webhook of one credit on our account."""
    return recorded("webhook.json").replace(b"COMPLETED", status.encode())


def kept(world: World, raw: bytes, **changes: str) -> str:
    """A webhook that was kept; its id."""
    command = KeepUnreadableNotice(
        bank_account_id=BANK_ACCOUNT,
        body_digest=hashlib.sha256(raw).hexdigest(),
        body=Personal(b64encode(raw).decode()),
        reason="x",
        drift=drift_of("acb", "webhook", "transactionStatus"),
    )
    id_ = world.do(msgspec.structs.replace(command, **changes))
    world.project()
    return id_


def lines(world: World) -> int:
    return sum(isinstance(one.event, StatementLine.Recorded) for one in world.parts.ledger.follow())


class Mapped(Acb):
    """ACB in a release that knows one status word more."""

    code = "acb"

    def parse_webhook(self, raw_body: bytes) -> Said:
        return super().parse_webhook(raw_body.replace(b"SETTLED", b"COMPLETED"))


def released(world: World, kind: type[Acb] = Mapped) -> Parts:
    """The parts of that release."""
    old = world.parts.banks[BANK_ACCOUNT]
    return replace(world.parts, banks={BANK_ACCOUNT: kind(old.account, old._transport, world.clock, lambda: "trace")})


def test_a_kept_webhook_becomes_lines_once_it_can_be_read(world: World) -> None:
    id_ = kept(world, genuine("SETTLED"))
    assert replay(world.parts, None).left == (id_,)
    assert lines(world) == 0
    done = replay(released(world), None)
    assert (done.read, done.left) == (1, ())
    assert lines(world) == len(world.parts.banks[BANK_ACCOUNT].parse_webhook(genuine()).lines)
    world.project()
    assert replay(released(world), None).read == 0


def test_a_movement_that_is_known_by_another_way_stays_one_line(world: World) -> None:
    kept(world, genuine("SETTLED"))
    kept(world, genuine())
    assert replay(released(world), "acb").read == 2
    assert lines(world) == len(world.parts.banks[BANK_ACCOUNT].parse_webhook(genuine()).lines)


def test_what_cannot_be_read_does_not_keep_the_rest_from_it(world: World) -> None:
    bad = [kept(world, b"{"), kept(world, genuine().replace(ACCOUNT_NUMBER.encode(), b"99999999"))]
    kept(world, genuine())
    erased = kept(world, genuine() + b" ")
    notice = world.parts.ledger.get(BankNotice, erased)
    world.parts.ledger.vault.erase(notice.body.person)
    done = replay(world.parts, None)
    assert done.read == 1
    assert set(done.left) == {*bad, erased}


def test_only_the_bank_that_was_named_is_gone_through(world: World) -> None:
    kept(world, genuine())
    assert replay(world.parts, "mb").read == 0
    assert replay(world.parts, "acb").read == 1


def test_what_a_feed_told_is_not_read_by_the_bank(world: World) -> None:
    id_ = kept(world, genuine(), feed="sepay")
    assert replay(world.parts, None).left == (id_,)
    assert lines(world) == 0


def test_what_a_feed_told_is_read_by_the_same_feed(world: World) -> None:
    ours = replace(world.parts.banks[BANK_ACCOUNT].account, feed=FeedAccess("sepay", (Secret("k" * 20),)))
    feed = Sepay(ours, world.clock, alone=True)
    told = {
        "id": 7,
        "transactionDate": "2026-11-23 09:30:00",
        "accountNumber": ACCOUNT_NUMBER,
        "content": "x",
        "transferType": "in",
        "transferAmount": 5_000,
        "referenceCode": None,
    }
    kept(world, json.dumps(told).encode(), feed="sepay")
    assert replay(replace(world.parts, feeds={BANK_ACCOUNT: feed}), None).left == ()
    assert lines(world) == 1


def test_statement_days_are_read_from_the_bank_again(world: World) -> None:
    world.pay(world.intent(world.merchant()))
    day = bank_day(world.clock())
    row = {
        "account": ACCOUNT_NUMBER,
        "transactionDate": f"{day:%d/%m/%Y} 10:30",
        "transactionAmount": 150_000,
        "debitOrCredit": "credit",
        "traceNumber": "112233",
        "transactionStatus": "COMPLETED",
    }
    page = {
        "responseStatus": {"responseCode": "00000000", "responseMessage": "success"},
        "responseData": {"transactions": [row], "pagination": {"page": 1, "totalPage": 1}},
    }
    world.control("/next-answer", {"to": "history", "http": 200, "text": json.dumps(page), "count": 1})
    assert not read_statement(world.parts, BANK_ACCOUNT, day, day).whole
    world.project()
    assert lines(world) == 0
    done = replay(world.parts, None)
    assert (done.read, done.left) == (1, ())
    assert lines(world) == 1


class Silent(Acb):
    """ACB that answers every enquiry in a shape nobody knows."""

    code = "acb"

    def transfer_status(self, end_to_end_id: str, sent_on: object) -> Outcome:
        return Unknown("order state x is not known", Misfit("status", "not a state we know", b"{}"))


class Clear(Acb):
    """ACB whose answer is understood again."""

    code = "acb"

    def transfer_status(self, end_to_end_id: str, sent_on: object) -> Outcome:
        return Executed("1")


@pytest.fixture
def payout_id(world: World) -> str:
    """A payout on its way whose state nobody can read."""
    id_ = world.request_payout(world.funded_merchant())
    submit_payout(world.parts, id_)
    world.clock.offset += ANSWER_WITHIN
    enquire_payout(released(world, Silent), id_)
    world.project()
    return id_


def test_an_order_in_an_unknown_state_stays_undecided_and_is_asked_about_again(world: World, payout_id: str) -> None:
    before = world.names(payout_id)
    assert "executed" not in before
    assert not {"failed", "confirmed"} & set(before)
    assert replay(released(world, Silent), None).left != ()
    done = replay(released(world, Clear), None)
    assert (done.read, done.left) == (1, ())
    assert world.names(payout_id)[-1] == "executed"
    assert world.names(id_of_alarm(BANK_CONTRACT_DRIFT, "acb.status.status")) == ["raised"]


def test_an_order_that_was_decided_by_another_way_waits_no_more(world: World, payout_id: str) -> None:
    world.advance(seconds=5)
    world.booked(payout_id)
    world.read_statement()
    assert world.payout(payout_id).status == "confirmed"
    assert replay(released(world, Silent), None).left == ()
