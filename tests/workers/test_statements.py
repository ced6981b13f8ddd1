"""Statements are read whole, page by page, and the same movement is recorded once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import msgspec
import pytest

from commands.notices import RecordStatementHint
from commands.statements import LOOKED_UP, ExplainBankFee, untold
from ledger.alarms import BANK_CONTRACT_DRIFT, UNREADABLE_NOTICE, Alarm
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable
from ledger.money import Money
from ledger.payments import PaymentIntent
from projections.places import position_of
from tests.story import Story, dong
from tests.workers.world import ACCOUNT_NUMBER, ASK, BANK_ACCOUNT, World
from workers.statements import (
    DAYS_MAX,
    final_at,
    follower_of,
    poll_statement,
    read_statement,
    statements_left_unread,
    statements_of_today,
    statements_of_yesterday,
    unmatched_debits,
    when_a_bank_hints_at_a_movement,
)


def test_a_banks_hint_brings_the_reading_of_today_forward(world: World) -> None:
    for _ in range(2):
        world.do(RecordStatementHint(bank_account_id=BANK_ACCOUNT, proof="c2lnbmVk"))
    hints = [one for one in world.parts.ledger.follow() if one.name == "statement_hint.received"]
    (hint,) = hints
    (ring,) = when_a_bank_hints_at_a_movement(world.parts, hint)
    today = bank_day(world.clock()).isoformat()
    assert (ring.queue, ring.job, ring.ids) == (ASK, poll_statement.__name__, (BANK_ACCOUNT, today))


def recorded(world: World) -> int:
    return sum(envelope.name == "statement_line.recorded" for envelope in world.parts.ledger.follow())


def test_a_payment_whose_webhook_was_lost_is_found_on_the_statement(world: World) -> None:
    intent = world.intent(world.merchant())
    world.pay(intent)
    world.schedule()
    world.work(ASK)
    assert world.parts.ledger.get(PaymentIntent, intent.id).status == "paid"


def test_every_page_is_read_and_a_second_reading_records_nothing(world: World) -> None:
    for number in range(101):
        world.control("/pay", {"account": ACCOUNT_NUMBER, "amount": 10_000 + number, "memo": "ung ho"})
    day = bank_day(world.clock())
    assert read_statement(world.parts, BANK_ACCOUNT, day, day).whole
    assert recorded(world) == 101
    head = world.parts.ledger.head()
    poll_statement(world.parts, BANK_ACCOUNT, day.isoformat())
    assert world.parts.ledger.head() == head


def test_twins_and_movements_that_share_a_reference_are_lines_of_their_own(world: World) -> None:
    for _ in range(2):
        twin = world.control("/pay", {"account": ACCOUNT_NUMBER, "amount": 10_000, "memo": "ung ho"})
    for amount in (20_000, 30_000):
        world.control(
            "/pay", {"account": ACCOUNT_NUMBER, "amount": amount, "memo": "ung ho", "shares": twin["reference"]}
        )
    world.control("/charge", {"account": ACCOUNT_NUMBER, "amount": 5_500, "shares": twin["reference"]})
    day = bank_day(world.clock()).isoformat()
    for _ in range(2):
        poll_statement(world.parts, BANK_ACCOUNT, day)
        assert recorded(world) == len(world.control(f"/movements?account={ACCOUNT_NUMBER}")) == 5


def test_of_a_day_told_again_only_what_can_change_something_is_left(world: World) -> None:
    story = Story(world.parts.ledger)
    known, without_balance, new = (story.row(units, "chuyen tien") for units in (150_000, 160_000, 170_000))
    story.bank_says(msgspec.structs.replace(known, balance_after=dong(1_150_000)))
    story.bank_says(without_balance)
    assert untold(story.ledger, [known, without_balance]) == []
    told = msgspec.structs.replace(without_balance, balance_after=dong(1_310_000))
    assert untold(story.ledger, [known, new, told, without_balance]) == [new, told]
    story.bank_says(told)
    assert untold(story.ledger, [told] * (2 * LOOKED_UP + 1)) == []
    assert untold(story.ledger, []) == []


def test_a_bank_that_does_not_answer_leaves_the_job_failed_and_the_next_round_reads(world: World) -> None:
    world.pay(world.intent(world.merchant()))
    world.control("/next-answer", {"to": "history", "count": 2, "drop": True})
    day = bank_day(world.clock()).isoformat()
    with pytest.raises(BankUnavailable):
        poll_statement(world.parts, BANK_ACCOUNT, day)
    assert recorded(world) == 0
    poll_statement(world.parts, BANK_ACCOUNT, day)
    assert recorded(world) == 1


def test_today_and_yesterday_are_bank_days(world: World) -> None:
    now = world.clock()
    today = bank_day(now)
    assert [ring.ids for ring in statements_of_today(world.parts, now)] == [(BANK_ACCOUNT, today.isoformat())]
    yesterday = (today - timedelta(days=1)).isoformat()
    assert [ring.ids for ring in statements_of_yesterday(world.parts, now)] == [(BANK_ACCOUNT, yesterday)]


def alarms(world: World) -> list[Alarm.Raised]:
    raised = [envelope.event for envelope in world.parts.ledger.follow()]
    return [event for event in raised if isinstance(event, Alarm.Raised)]


def test_a_row_nobody_can_read_raises_one_alarm_and_the_others_are_recorded(world: World) -> None:
    day = bank_day(world.clock())
    good = {
        "account": ACCOUNT_NUMBER,
        "transactionDate": f"{day}T10:30:00+07:00",
        "transactionAmount": 150_000,
        "debitOrCredit": "credit",
        "transactionDescription": "ung ho",
        "traceNumber": "112233",
        "transactionStatus": "COMPLETED",
    }
    page = {
        "responseStatus": {"responseCode": "00000000", "responseMessage": "success"},
        "responseData": {
            "transactions": [good, good | {"transactionAmount": "a lot", "traceNumber": "112234"}],
            "pagination": {"page": 1, "size": 100, "totalPage": 1, "totalRecord": 2},
        },
    }
    world.control("/next-answer", {"to": "history", "http": 200, "text": json.dumps(page), "count": 2})
    assert not read_statement(world.parts, BANK_ACCOUNT, day, day).whole
    assert not read_statement(world.parts, BANK_ACCOUNT, day, day).whole
    assert recorded(world) == 1
    (alarm,) = alarms(world)
    assert (alarm.kind, alarm.subject) == (BANK_CONTRACT_DRIFT, "acb.history.transactionAmount")
    assert day.isoformat() in alarm.detail
    assert "a lot" not in alarm.detail


def test_a_row_of_another_account_is_no_drift_and_rings_all_the_same(world: World) -> None:
    day = bank_day(world.clock())
    row = {
        "account": "99999999",
        "transactionDate": f"{day}T10:30:00+07:00",
        "transactionAmount": 150_000,
        "debitOrCredit": "credit",
        "traceNumber": "112233",
        "transactionStatus": "COMPLETED",
    }
    page = {
        "responseStatus": {"responseCode": "00000000", "responseMessage": "success"},
        "responseData": {
            "transactions": [row],
            "pagination": {"page": 1, "size": 100, "totalPage": 1, "totalRecord": 1},
        },
    }
    world.control("/next-answer", {"to": "history", "http": 200, "text": json.dumps(page), "count": 2})
    for _ in range(2):
        assert not read_statement(world.parts, BANK_ACCOUNT, day, day).whole
    (alarm,) = alarms(world)
    assert alarm.kind == UNREADABLE_NOTICE
    assert BANK_ACCOUNT in alarm.detail


def test_no_alarm_is_raised_by_a_sound_statement(world: World) -> None:
    world.pay(world.intent(world.merchant()))
    day = bank_day(world.clock())
    assert read_statement(world.parts, BANK_ACCOUNT, day, day).whole
    assert alarms(world) == []


# days left unread


def left_unread(world: World, now: datetime) -> list[date]:
    return [date.fromisoformat(ring.ids[1]) for ring in statements_left_unread(world.parts, now)]


def poll(world: World, day: date, at: datetime) -> None:
    poll_statement(replace(world.parts, clock=lambda: at), BANK_ACCOUNT, day.isoformat())


def test_after_days_away_the_next_tick_finds_a_webhook_lost_on_the_first_of_them(world_on_each: World) -> None:
    world = world_on_each
    world.schedule()
    world.work(ASK)
    world.pay(world.intent(world.merchant()))
    lost_on = bank_day(world.clock())
    world.advance(days=3)
    world.schedule()
    world.work(ASK)
    assert recorded(world) == 1
    assert (position_of(world.parts.reader, follower_of(BANK_ACCOUNT)) or 0) > lost_on.toordinal()
    assert lost_on not in left_unread(world, world.clock())


def test_at_the_first_start_yesterday_is_the_oldest_day_read(world: World) -> None:
    day = bank_day(world.clock())
    yesterday = day - timedelta(days=1)
    assert left_unread(world, final_at(yesterday) - timedelta(seconds=1)) == []
    assert left_unread(world, final_at(yesterday)) == [yesterday]
    assert left_unread(world, final_at(day)) == [yesterday, day]


def test_a_day_is_done_once_it_was_read_whole_after_it_was_final(world: World) -> None:
    day = bank_day(world.clock())
    left_unread(world, final_at(day) - timedelta(days=1))
    yesterday = day - timedelta(days=1)
    poll(world, yesterday, final_at(yesterday) - timedelta(seconds=1))
    assert left_unread(world, final_at(yesterday)) == [yesterday]
    poll(world, yesterday, final_at(yesterday))
    assert left_unread(world, final_at(yesterday)) == []
    poll(world, yesterday, final_at(yesterday))
    assert left_unread(world, final_at(day)) == [day]


def test_a_day_that_could_not_be_read_stays_unread_with_those_after_it(world: World) -> None:
    first = bank_day(world.clock()) - timedelta(days=1)
    days = [first, first + timedelta(days=1), first + timedelta(days=2)]
    now = final_at(days[-1])
    left_unread(world, final_at(first))
    assert left_unread(world, now) == days
    row = {"account": ACCOUNT_NUMBER, "transactionAmount": "a lot"}
    rows = {"transactions": [row], "pagination": {"page": 1, "size": 100, "totalPage": 1, "totalRecord": 1}}
    page = {"responseStatus": {"responseCode": "00000000", "responseMessage": "success"}, "responseData": rows}
    world.control("/next-answer", {"to": "history", "http": 200, "text": json.dumps(page)})
    for day in days:
        poll(world, day, now)
    assert left_unread(world, now) == days
    for day in days:
        poll(world, day, now)
    assert left_unread(world, now) == []


def test_after_a_long_time_away_the_oldest_days_come_first_and_not_all_at_once(world: World) -> None:
    day = bank_day(world.clock())
    left_unread(world, final_at(day - timedelta(days=1)))
    found = left_unread(world, final_at(day) + timedelta(days=100))
    assert found[0] == day - timedelta(days=1)
    assert len(found) == DAYS_MAX


# debits nobody explains


def test_a_debit_nobody_explains_is_found_by_its_amount_and_time(world: World) -> None:
    for amount in (11_000, 22_000):
        world.control("/charge", {"account": ACCOUNT_NUMBER, "amount": amount})
    world.control("/pay", {"account": ACCOUNT_NUMBER, "amount": 11_000, "memo": "ung ho"})
    now = world.clock()
    day = bank_day(now)
    read = read_statement(world.parts, BANK_ACCOUNT, day, day)
    since = now - timedelta(minutes=10)
    (line_id,) = unmatched_debits(world.parts, BANK_ACCOUNT, Money(11_000), since, read)
    assert read.amounts[line_id] == Money(11_000)
    later = now + timedelta(minutes=10)
    assert unmatched_debits(world.parts, BANK_ACCOUNT, Money(11_000), later, read) == []
    assert unmatched_debits(world.parts, BANK_ACCOUNT, Money(12_000), since, read) == []
    world.do(ExplainBankFee(line_id=line_id, reason="monthly fee"))
    assert unmatched_debits(world.parts, BANK_ACCOUNT, Money(11_000), since, read) == []


def test_a_debit_recorded_from_a_push_counts_before_the_history_shows_it(world: World) -> None:
    world.control("/charge", {"account": ACCOUNT_NUMBER, "amount": 11_000})
    world.read_statement()
    world.project()
    world.control("/settings", {"history_s": 3600})
    now = world.clock()
    read = read_statement(world.parts, BANK_ACCOUNT, bank_day(now), bank_day(now))
    assert read.amounts == {}
    since = now - timedelta(minutes=10)
    assert len(unmatched_debits(world.parts, BANK_ACCOUNT, Money(11_000), since, read)) == 1
    assert unmatched_debits(world.parts, "ba_other", Money(11_000), since, read) == []
