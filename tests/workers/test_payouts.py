"""Payouts meet the bank: sent at most once, asked about until it is known, and never sent again in doubt."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from banks.acb import Acb
from banks.bank import CITAD_HOURS, Capability, HistoryPage
from commands.statements import ExplainBankFee
from ledger.alarms import PAYOUT_ESCALATED, Alarm, id_of_alarm
from ledger.calendar import ICT
from ledger.money import Money
from ledger.payouts import NOT_SENT_TIMES, not_sent_pause
from ledger.statements import StatementLine
from tests.workers.world import ACCOUNT_NUMBER, ASK, BANK_ACCOUNT, PAY, World, eventually
from workers.payouts import enquire_payout, payouts_to_ask_about, submit_payout

HELD = Money(1_003_000)


def test_an_approved_payout_is_sent_accepted_and_confirmed_by_the_statement(
    world_on_each: World,
) -> None:
    world = world_on_each
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.round()
    assert world.names(payout_id)[:4] == ["requested", "approved", "submitted", "accepted"]
    world.booked(payout_id)
    world.round()
    assert world.payout(payout_id).status == "confirmed"
    assert world.received(payout_id) == 1


def test_the_outcome_names_the_submission_as_its_cause(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.round()
    history = world.parts.ledger.history(payout_id)
    assert history[3].causation_id == history[2].id
    assert history[2].actor == "worker:payouts"


def test_the_bank_reads_our_id_first_and_the_beneficiary_as_asked(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant(), memo="Trả lương tháng 11")
    world.work()
    world.round()
    payout = world.payout(payout_id)
    order = world.control(f"/orders/{payout.end_to_end_id}")
    assert order["remarks"] == f"{payout.end_to_end_id} TRA LUONG THANG 11"
    assert order["amount"] == 1_000_000
    assert order["rail"] == "napas"
    assert order["beneficiary"]["account"] == "0001234567890"


def test_what_is_too_much_for_napas_waits_for_citad_to_open_and_holds_nobody_up(world: World) -> None:
    saturday = world.clock() + timedelta(days=(5 - world.clock().astimezone(ICT).weekday()) % 7)
    world.advance(seconds=(saturday.astimezone(ICT).replace(hour=10) - world.clock()).total_seconds())
    merchant_id = world.funded_merchant(700_000_000)
    waits = world.request_payout(merchant_id, 600_000_000, beneficiary_bin="970436")
    goes = world.request_payout(merchant_id, beneficiary_bin="970436")
    world.round()
    assert world.names(waits) == ["requested", "approved"]
    assert world.payout(goes).status == "accepted"
    world.advance(seconds=(CITAD_HOURS.open_from(world.clock()) - world.clock()).total_seconds())
    world.parts.redis.flushall()  # what it remembers of jobs done goes by real time
    world.round()
    assert world.payout(waits).status == "accepted"
    assert world.control(f"/orders/{world.payout(waits).end_to_end_id}")["rail"] == "citad"
    assert world.received(waits) == 1


def test_a_beneficiary_at_the_same_bank_is_paid_inside_it(world: World) -> None:
    world.control("/accounts", {"number": "87654321", "name": "NGUYEN VAN A", "balance": 0})
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id, beneficiary_bin="970416", account="87654321")
    world.round()
    assert world.control(f"/orders/{world.payout(payout_id).end_to_end_id}")["rail"] == "inside"
    world.booked(payout_id)
    world.round()
    assert world.payout(payout_id).status == "confirmed"


def test_a_payout_whose_answer_is_lost_is_asked_about_and_ends_confirmed_sent_once(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.control("/next-order", {"fault": "lose_answer"})
    world.round()
    assert world.payout(payout_id).status == "unknown"
    for _ in range(3):
        world.round()
    assert world.received(payout_id) == 1
    world.booked(payout_id)
    world.advance(seconds=61)
    world.schedule()
    world.work(ASK)
    assert world.payout(payout_id).executed or world.payout(payout_id).shown_on_statement
    world.round()
    assert world.payout(payout_id).status == "confirmed"
    assert world.received(payout_id) == 1


def test_an_order_the_bank_never_got_fails_only_after_the_whole_rule(world: World) -> None:
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "lose_order"})
    world.round()
    for minutes, answers in ((1.1, 1), (1, 2), (3, 3)):
        world.advance(minutes=minutes)
        world.round()
        payout = world.payout(payout_id)
        assert (payout.status, len(payout.not_found_at)) == ("unknown", answers)
        assert world.available(merchant_id).held == HELD
    world.advance(minutes=11)
    world.round()
    payout = world.payout(payout_id)
    assert (payout.status, payout.reason) == ("failed", "not_found")
    assert world.available(merchant_id).held == Money(0)
    assert world.received(payout_id) == 1


def test_not_found_is_no_proof_while_the_statement_cannot_be_read(world: World) -> None:
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "lose_order"})
    world.work()
    world.schedule()
    world.work(PAY)
    world.control("/next-answer", {"to": "history", "count": 1000, "http": 503})
    for minutes in (1.1, 1, 3, 11, 60):
        world.advance(minutes=minutes)
        enquire_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "unknown"
    assert len(world.payout(payout_id).not_found_at) == 5
    assert world.available(merchant_id).held == HELD


class WithoutHistory(Acb):
    """A bank that gives partners no statement."""

    capabilities = Acb.capabilities - {Capability.HISTORY}

    def history(self, day_from: date, day_to: date, cursor: str | None = None) -> HistoryPage:
        raise self.lacking(Capability.HISTORY)


def test_not_found_is_no_proof_at_a_bank_that_gives_no_statement(world: World) -> None:
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "lose_order"})
    world.work()
    world.schedule()
    world.work(PAY)
    bank = world.parts.banks[BANK_ACCOUNT]
    other = WithoutHistory(bank.account, bank._transport, bank._clock, bank._token)
    world.parts = replace(world.parts, banks={BANK_ACCOUNT: other})
    ask_until_it_is_certain(world, payout_id)
    assert (world.payout(payout_id).status, len(world.payout(payout_id).not_found_at)) == ("unknown", 4)
    assert world.available(merchant_id).held == HELD


def unordered(world: World, amount: int) -> str:
    """A debit that names nobody; its line, once our statement was read."""
    world.control("/charge", {"account": ACCOUNT_NUMBER, "amount": amount, "memo": "CHUYEN TIEN"})
    world.read_statement()
    lines = [envelope for envelope in world.parts.ledger.follow() if envelope.name == "statement_line.unmatched"]
    assert world.parts.ledger.get(StatementLine, lines[-1].stream).amount == Money(amount)
    return lines[-1].stream


def ask_until_it_is_certain(world: World, payout_id: str) -> None:
    for minutes in (1.1, 1, 3, 11):
        world.advance(minutes=minutes)
        enquire_payout(world.parts, payout_id)


def test_not_found_is_no_proof_while_a_debit_of_its_amount_lost_its_text(world: World) -> None:
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "lose_order"})
    submit_payout(world.parts, payout_id)
    unordered(world, 1_000_000)
    ask_until_it_is_certain(world, payout_id)
    assert world.payout(payout_id).status == "unknown"
    assert len(world.payout(payout_id).not_found_at) == 4
    assert world.available(merchant_id).held == HELD
    world.advance(hours=24)
    enquire_payout(world.parts, payout_id)
    assert (world.payout(payout_id).status, world.payout(payout_id).escalated) == ("unknown", True)


def test_a_debit_that_somebody_explained_proves_nothing_against_not_found(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.control("/next-order", {"fault": "lose_order"})
    submit_payout(world.parts, payout_id)
    line_id = unordered(world, 1_000_000)
    ask_until_it_is_certain(world, payout_id)
    assert world.payout(payout_id).status == "unknown"
    world.do(ExplainBankFee(line_id=line_id, reason="yearly fee"))
    world.advance(minutes=1)
    enquire_payout(world.parts, payout_id)
    assert (world.payout(payout_id).status, world.payout(payout_id).reason) == ("failed", "not_found")


def test_debits_of_other_amounts_or_before_it_was_sent_do_not_keep_a_payout_unknown(world: World) -> None:
    merchant_id = world.funded_merchant()
    unordered(world, 1_000_000)
    world.advance(minutes=11)
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "lose_order"})
    submit_payout(world.parts, payout_id)
    unordered(world, 1_000_001)
    ask_until_it_is_certain(world, payout_id)
    assert world.payout(payout_id).status == "failed"


def test_an_order_turned_away_at_the_gate_is_sent_again_under_the_same_id_after_a_pause(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.control("/next-order", {"fault": "http_error", "http": 429})
    world.round()
    assert world.names(payout_id)[2:] == ["submitted", "not_sent"]
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "approved"
    world.advance(seconds=31)
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "accepted"
    assert world.payout(payout_id).attempt == 2
    assert len(world.control("/orders")) == 1


def turned_away(world: World, payout_id: str, times: int) -> None:
    """So many attempts that the bank turns away at the gate, each as soon as it may be."""
    world.control("/next-order", {"fault": "http_error", "http": 429, "count": times})
    for attempt in range(1, times + 1):
        submit_payout(world.parts, payout_id)
        assert (world.payout(payout_id).status, world.payout(payout_id).attempt) == ("approved", attempt)
        pause = not_sent_pause(attempt)
        world.advance(seconds=pause.total_seconds() - 5)
        submit_payout(world.parts, payout_id)
        assert world.payout(payout_id).attempt == attempt
        world.advance(seconds=6)


def test_an_order_that_cannot_be_sent_is_tried_ever_slower_and_people_are_told_once(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    turned_away(world, payout_id, NOT_SENT_TIMES - 1)
    assert not world.payout(payout_id).escalated
    world.control("/next-order", {"fault": "http_error", "http": 429, "count": 2})
    for _ in range(2):
        world.round()
        world.advance(hours=1)
        world.parts.redis.flushall()  # remembers, in real time, that the job was done just now
    assert world.payout(payout_id).attempt == NOT_SENT_TIMES + 1
    assert world.names(payout_id).count("escalated") == 1
    assert world.parts.ledger.find(Alarm, id_of_alarm(PAYOUT_ESCALATED, payout_id))
    world.round()
    assert world.payout(payout_id).status == "accepted"
    assert world.names(payout_id).count("submitted") == NOT_SENT_TIMES + 2


def test_a_payout_that_people_were_told_of_before_it_left_is_asked_about_all_the_same(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    turned_away(world, payout_id, NOT_SENT_TIMES)
    assert world.payout(payout_id).escalated
    world.control("/next-order", {"fault": "lose_answer"})
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "unknown"
    world.advance(seconds=61)
    world.project()
    assert [ring.ids for ring in payouts_to_ask_about(world.parts, world.clock())] == [(payout_id,)]
    world.advance(hours=24)
    assert [ring.ids for ring in payouts_to_ask_about(world.parts, world.clock())] == []


@pytest.mark.parametrize("how", ["answer", "later"])
def test_a_declined_payout_fails_and_its_funds_are_available_again(world: World, how: str) -> None:
    merchant_id = world.funded_merchant()
    before = world.available(merchant_id).available
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "decline", "how": how})
    world.round()
    if how == "later":
        world.booked(payout_id)
        world.advance(seconds=6)
        world.round()
    payout = world.payout(payout_id)
    assert (payout.status, payout.reason) == ("failed", "insufficient_funds")
    assert world.available(merchant_id).available == before


def test_a_beneficiary_no_bank_knows_fails_without_a_byte_sent(world: World) -> None:
    merchant_id = world.funded_merchant()
    before = world.available(merchant_id).available
    payout_id = world.request_payout(merchant_id, beneficiary_bin="999999")
    world.round()
    payout = world.payout(payout_id)
    assert payout.status == "failed"
    assert payout.reason in ("invalid_beneficiary", "unknown_bank")
    assert world.available(merchant_id).available == before
    assert world.received(payout_id) == 0


def test_two_workers_with_the_same_job_send_one_order(world: World) -> None:
    merchant_id = world.funded_merchant()
    for _ in range(5):
        payout_id = world.request_payout(merchant_id)
        barrier = threading.Barrier(6)

        def send(payout_id: str = payout_id, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            submit_payout(world.parts, payout_id)

        threads = [threading.Thread(target=send) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert world.received(payout_id) == 1
        assert world.names(payout_id).count("submitted") == 1
        assert world.payout(payout_id).status == "accepted"


def test_a_worker_held_up_after_its_record_does_not_send(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())

    def stepping() -> datetime:
        world.clock.offset += timedelta(seconds=15)
        return world.clock()

    submit_payout(replace(world.parts, clock=stepping), payout_id)
    assert world.names(payout_id)[2:] == ["submitted", "not_sent"]
    assert world.received(payout_id) == 0


def test_a_payout_nobody_can_tell_of_is_escalated_once_and_then_left_to_people(world: World) -> None:
    merchant_id = world.funded_merchant()
    payout_id = world.request_payout(merchant_id)
    world.control("/next-order", {"fault": "malformed"})
    submit_payout(world.parts, payout_id)
    for part in ("history", "status"):
        world.control("/next-answer", {"to": part, "count": 1000, "http": 503})
    world.advance(hours=23)
    enquire_payout(world.parts, payout_id)
    assert not world.payout(payout_id).escalated
    world.advance(hours=1)
    enquire_payout(world.parts, payout_id)
    enquire_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "unknown"
    assert world.names(payout_id).count("escalated") == 1
    assert world.parts.ledger.find(Alarm, id_of_alarm(PAYOUT_ESCALATED, payout_id))
    assert world.available(merchant_id).held == HELD
    world.project()
    assert [ring.ids for ring in payouts_to_ask_about(world.parts, world.clock())] == []


def test_a_payout_just_submitted_is_left_to_its_sender(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.control("/next-order", {"fault": "slow", "seconds": 600})
    sender = threading.Thread(target=submit_payout, args=(world.parts, payout_id))
    sender.start()
    eventually(lambda: world.payout(payout_id).status == "submitted")
    enquire_payout(world.parts, payout_id)
    assert world.names(payout_id)[-1] == "submitted"
    world.advance(seconds=601)
    sender.join()
    assert world.payout(payout_id).status in ("accepted", "unknown")
    assert world.received(payout_id) == 1


def test_each_rung_of_the_ladder_is_asked_once(world: World) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    world.control("/next-order", {"fault": "lose_order"})
    world.round()
    world.advance(seconds=61)
    for _ in range(3):
        world.round()
    assert world.names(payout_id).count("enquired") == 1
    world.advance(seconds=60)
    for _ in range(3):
        world.round()
    assert world.names(payout_id).count("enquired") == 2
