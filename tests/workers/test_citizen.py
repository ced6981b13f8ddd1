"""A bank that is down, or has had enough, is left alone: payouts and questions wait, and nothing of them is lost."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from banks.bank import Bank, Capability
from banks.circuits import FAILURES_MAX, PAUSE_S, Operation
from banks.gate import TURNED_AWAY_S, Gate
from banks.pace import Pace
from banks.registry import load_accounts, open_banks
from banks.shared_state import SharedState
from banks.transport import Transport
from ledger.errors import BankUnavailable
from tests.workers.world import BANK_ACCOUNT, UNHURRIED, World
from workers.payouts import enquire_payout, submit_payout


def other_process(world: World) -> Gate:
    """The bank's gate as another process of ours has it."""
    return Gate("acb", UNHURRIED, SharedState(world.parts.redis, world.clock), world.clock)


def break_down(world: World, operation: Operation) -> None:
    for _ in range(FAILURES_MAX):
        other_process(world).tell(operation, has_answered=False)


def payouts(world: World, count: int) -> list[str]:
    merchant_id = world.funded_merchant()
    return [world.request_payout(merchant_id, 100_000) for _ in range(count)]


def order_of_sending(world: World) -> list[str]:
    """Our ids of the orders the bank has, as they came."""
    return [order["trace"] for order in world.control("/orders")]


def test_payouts_wait_while_their_bank_is_down_and_are_sent_afterwards_in_order_each_once(world: World) -> None:
    waiting = payouts(world, 3)
    break_down(world, "transfer")
    world.round()
    assert [world.payout(one).attempt for one in waiting] == [0, 0, 0]
    assert {world.names(one)[-1] for one in waiting} == {"approved"}
    world.advance(seconds=PAUSE_S + 1)
    for one in waiting:
        submit_payout(world.parts, one)
    assert [world.payout(one).status for one in waiting] == ["accepted"] * 3
    assert [world.received(one) for one in waiting] == [1, 1, 1]
    assert order_of_sending(world) == [world.payout(one).end_to_end_id for one in waiting]


def test_a_bank_that_answers_no_order_gets_five_and_then_none(world: World) -> None:
    ids = payouts(world, FAILURES_MAX + 2)
    world.control("/next-order", {"fault": "lose_order", "count": FAILURES_MAX})
    for one in ids:
        submit_payout(world.parts, one)
    assert [world.payout(one).attempt for one in ids] == [1] * FAILURES_MAX + [0, 0]
    assert other_process(world).state("transfer") == "open"


def test_an_order_is_never_what_tries(world: World) -> None:
    (payout_id,) = payouts(world, 1)
    break_down(world, "transfer")
    world.advance(seconds=PAUSE_S + 1)
    world.control("/next-answer", {"to": "balance", "drop": True, "count": 2})
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).attempt == 0
    assert other_process(world).state("transfer") == "open"
    world.advance(seconds=2 * PAUSE_S + 1)
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "accepted"


def test_a_bank_that_tells_no_balance_is_asked_about_the_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (payout_id,) = payouts(world, 1)
    bank = world.parts.banks[BANK_ACCOUNT]
    monkeypatch.setattr(type(bank), "capabilities", bank.capabilities - {Capability.BALANCE})
    world.control("/next-answer", {"to": "balance", "drop": True, "count": 9})
    break_down(world, "transfer")
    world.advance(seconds=PAUSE_S + 1)
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "accepted"


def test_a_question_that_is_held_back_uses_up_no_rung(world: World) -> None:
    (payout_id,) = payouts(world, 1)
    world.control("/next-order", {"fault": "lose_answer"})
    submit_payout(world.parts, payout_id)
    assert world.payout(payout_id).status == "unknown"
    break_down(world, "enquiry")
    before = world.names(payout_id)
    with pytest.raises(BankUnavailable):
        enquire_payout(world.parts, payout_id)
    assert world.names(payout_id) == before
    world.advance(seconds=PAUSE_S + 1)
    enquire_payout(world.parts, payout_id)
    assert world.payout(payout_id).status in ("accepted", "executed", "confirmed")


def test_a_bank_that_had_too_many_calls_is_left_alone_and_payouts_wait_for_it(world: World) -> None:
    first, second = payouts(world, 2)
    world.control("/next-order", {"fault": "http_error", "http": 429})
    for one in (first, second):
        submit_payout(world.parts, one)
    assert world.names(first)[-1] == "not_sent"
    assert world.payout(second).attempt == 0
    with pytest.raises(BankUnavailable):
        world.parts.banks[BANK_ACCOUNT].balance()
    world.advance(seconds=TURNED_AWAY_S + 1)
    for one in (first, second):
        submit_payout(world.parts, one)
    assert [world.payout(one).attempt for one in (first, second)] == [2, 1]
    assert order_of_sending(world) == [world.payout(one).end_to_end_id for one in (first, second)]


def paced(world: World, pace: Pace) -> dict[str, Bank]:
    """Our banks, met at this pace."""
    transport = Transport(time.monotonic, pace=pace, shared=SharedState(world.parts.redis, world.clock))
    return open_banks(load_accounts(world.parts.settings.bank_accounts), transport, world.clock, lambda: str(uuid4()))


def test_a_burst_of_payouts_is_paced(world: World) -> None:
    ids = payouts(world, 5)
    parts = replace(world.parts, banks=paced(world, Pace(calls=12, per_s=1, burst=2)))
    began = time.monotonic()
    for one in ids:
        submit_payout(parts, one)
    # a token and five orders: two at once, four after a tenth of a second each
    assert time.monotonic() - began >= 0.4 - 0.01
    assert [world.payout(one).status for one in ids] == ["accepted"] * 5


def test_a_payout_whose_turn_is_far_away_is_not_on_record_as_sent(world: World) -> None:
    first, second = payouts(world, 2)
    parts = replace(world.parts, banks=paced(world, Pace(calls=3, per_s=60, burst=2)))
    for one in (first, second):
        submit_payout(parts, one)
    assert [world.payout(one).attempt for one in (first, second)] == [1, 0]
    world.clock.offset += timedelta(minutes=2)
    submit_payout(parts, second)
    assert world.payout(second).status == "accepted"
