"""Statements are read whole, page by page, and the same movement is recorded once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from ledger.alarms import UNREADABLE_NOTICE, Alarm
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable
from ledger.payments import PaymentIntent
from tests.workers.world import ACCOUNT_NUMBER, ASK, BANK_ACCOUNT, World
from workers.statements import poll_statement, read_statement, statements_of_today, statements_of_yesterday


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
    assert read_statement(world.parts, BANK_ACCOUNT, day, day)
    assert recorded(world) == 101
    head = world.parts.ledger.head()
    poll_statement(world.parts, BANK_ACCOUNT, day.isoformat())
    assert world.parts.ledger.head() == head


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
    return [event for event in raised if isinstance(event, Alarm.Raised) and event.kind == UNREADABLE_NOTICE]


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
    assert not read_statement(world.parts, BANK_ACCOUNT, day, day)
    assert not read_statement(world.parts, BANK_ACCOUNT, day, day)
    assert recorded(world) == 1
    (alarm,) = alarms(world)
    assert BANK_ACCOUNT in alarm.detail
    assert "a lot" not in alarm.detail


def test_no_alarm_is_raised_by_a_sound_statement(world: World) -> None:
    world.pay(world.intent(world.merchant()))
    day = bank_day(world.clock())
    assert read_statement(world.parts, BANK_ACCOUNT, day, day)
    assert alarms(world) == []
