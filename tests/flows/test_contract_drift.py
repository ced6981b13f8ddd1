"""A bank changes its words one day: nothing wrong is recorded, people are told once, and a new release reads it all.

The web takes webhooks, the workers read statements, pay and ask, on one log; the bank answers over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from banks import acb_messages, acb_orders
from banks.acb_credentials import AcbCredentials
from ledger.calendar import bank_day
from ledger.errors import BankUnavailable
from ledger.payouts import ANSWER_WITHIN
from ledger.statements import StatementLine
from tests.web.stage import OPERATOR_KEYS, Clock, Stage, notice, settings
from tests.workers.world import ACCOUNT_NUMBER, BANK_ACCOUNT, Enrolled, World, enrolled, open_world
from web.wiring import Services
from workers.completeness import ask_balance
from workers.payouts import enquire_payout, submit_payout
from workers.replay import alarms_of_drift, replay
from workers.statements import poll_statement

WEBHOOK, ROW, STATE = "acb.webhook.transactionStatus", "acb.history.transactionStatus", "acb.status.transaction.status"
BALANCE = "acb.balance.data.current_balance"


@pytest.fixture(scope="module")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Enrolled:
    return enrolled(tmp_path_factory.mktemp("bank"))


@pytest.fixture
def world(customer: Enrolled, event_store_url: str, sqlite_url: str, redis_url: str) -> Iterator[World]:
    with open_world(customer, event_store_url, sqlite_url, redis_url) as opened:
        yield opened


@pytest.fixture
def web(world: World) -> Stage:
    """The web on the log and the read tables of the workers."""
    parts = world.parts
    services = Services(
        ledger=parts.ledger,
        reader=parts.reader,
        banks=parts.banks,
        settings=settings(parts.settings.event_store_url, parts.settings.read_tables_url),
        redis=parts.redis,
        clock=world.clock,
        token=parts.token,
    )
    return Stage(services, Clock())


def pushes(world: World, web: Stage, number: int) -> int:
    """The bank pushes a movement in its new words; the HTTP status of our answer."""
    body = notice(memo=f"new words {number}", amount=10_000 + number, trace=f"7700{number}", number=ACCOUNT_NUMBER)
    credentials = world.parts.banks[BANK_ACCOUNT].account.credentials_as(AcbCredentials)
    key = credentials.webhook_keys[0].reveal()
    return web.bank_says(body.replace(b"COMPLETED", b"SETTLED"), webhook_key=key).status_code


def answers(world: World, to: str, data: object) -> None:
    """The bank answers the next question so."""
    head = {"responseStatus": {"responseCode": "00000000", "responseMessage": "success"}}
    body = data if to == "balance" else {**head, "responseData": data}
    world.control("/next-answer", {"to": to, "http": 200, "text": json.dumps(body), "count": 1})


def shows_a_row(world: World) -> None:
    row = {
        "account": ACCOUNT_NUMBER,
        "transactionDate": f"{bank_day(world.clock())}T00:00:01+07:00",
        "transactionAmount": 77_000,
        "debitOrCredit": "credit",
        "traceNumber": "770077",
        "transactionStatus": "SETTLED",
    }
    pages = {"page": 1, "size": 100, "totalPage": 1, "totalRecord": 1}
    answers(world, "history", {"transactions": [row], "pagination": pages})


def tells_a_state(world: World, payout_id: str) -> None:
    order = {"transactionTraceNumber": world.payout(payout_id).end_to_end_id, "status": "DONE"}
    answers(world, "status", {"transactions": [order]})


def ringing(web: Stage) -> dict[str, bool]:
    """What the alarms are about, and whether each still rings, as an operator sees it."""
    shown = web.done("GET", "/v1/alarms", bearer=OPERATOR_KEYS["auditor"])["data"]
    return {one["subject"]: one["closed_at"] is None for one in shown if one["kind"] == "bank_contract_drift"}


def lines(world: World) -> list[int]:
    recorded = [one.event for one in world.parts.ledger.follow() if isinstance(one.event, StatementLine.Recorded)]
    return sorted(one.amount.units for one in recorded)


def held_against(world: World) -> None:
    world.project()
    list(alarms_of_drift(world.parts, world.clock()))
    world.project()


def test_new_words_of_a_bank_are_set_aside_and_read_once_they_are_known(
    world: World, web: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    payout_id = world.request_payout(world.funded_merchant())
    submit_payout(world.parts, payout_id)
    world.clock.offset += ANSWER_WITHIN
    before, day = lines(world), bank_day(world.clock()).isoformat()

    assert [pushes(world, web, number) for number in (1, 2, 3, 1)] == [400] * 4
    for _ in range(2):
        shows_a_row(world)
        poll_statement(world.parts, BANK_ACCOUNT, day)
    tells_a_state(world, payout_id)
    enquire_payout(world.parts, payout_id)
    answers(world, "balance", {"status": {"code": "00000000"}, "data": {"currency": "VND", "current_balance": "much"}})
    with pytest.raises(BankUnavailable):
        ask_balance(world.parts, world.parts.banks[BANK_ACCOUNT])

    assert lines(world) == before
    assert not {"executed", "confirmed", "failed"} & set(world.names(payout_id))
    held_against(world)
    assert ringing(web) == dict.fromkeys((WEBHOOK, ROW, STATE, BALANCE), True)
    shows_a_row(world)
    tells_a_state(world, payout_id)
    assert len(replay(world.parts, "acb").left) == 5, "three pushes, a day, an order; the balance fits again"
    held_against(world)
    assert ringing(web) == {WEBHOOK: True, ROW: True, STATE: True, BALANCE: False}
    assert lines(world) == before

    monkeypatch.setitem(acb_messages.STATUSES, "SETTLED", False)
    monkeypatch.setattr(acb_orders, "EXECUTED_STATES", acb_orders.EXECUTED_STATES | {"DONE"})
    shows_a_row(world)
    tells_a_state(world, payout_id)
    assert replay(world.parts, "acb").left == ()
    held_against(world)
    assert ringing(web) == dict.fromkeys((WEBHOOK, ROW, STATE, BALANCE), False)
    assert lines(world) == sorted([*before, 10_001, 10_002, 10_003, 77_000])
    assert "executed" in world.names(payout_id)
    assert world.received(payout_id) == 1
    head = world.parts.ledger.head()
    assert pushes(world, web, 2) == 200
    assert replay(world.parts, "acb").read == 0
    assert world.parts.ledger.head() == head, "what is known stays as it is"
