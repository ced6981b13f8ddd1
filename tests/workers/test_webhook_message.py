"""Messages to merchants: signed as the Standard Webhooks specification says, and without personal data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import ledger
from ledger.aggregate import AGGREGATES, Event
from ledger.context import Context
from ledger.discovery import import_all
from ledger.money import Money
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.privacy import Sealed
from ledger.settlements import Settlement, SettlementLine
from tests.workers.standard_webhooks import Refused, verify
from workers.webhook_message import message_body, resource, signature, signed_headers

NOW = datetime(2026, 11, 23, 3, 0, 0, 123456, tzinfo=UTC)
CONTEXT = Context(at=NOW, actor="worker:test", command_id="cmd_1", correlation_id="req_1")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SEALED = Sealed(person="person_1", key="", text="c2VhbGVk", digest="canary")


def payout() -> Payout:
    return Payout.request(
        CONTEXT,
        merchant_id="mer_1",
        amount=Money(1_000_000),
        fee=Money(3_000),
        bank_account_id="ba_acb_main",
        beneficiary_bin="970422",
        beneficiary_account=SEALED,
        beneficiary_name=SEALED,
        memo="canary",
        end_to_end_id="SP23456789ABCDE",
        approvals_needed=0,
    )


def test_the_published_vector_has_its_signature() -> None:
    given = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert given == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_verifier_written_from_the_specification_takes_our_headers() -> None:
    body = b'{"type":"payout.confirmed"}'
    headers = signed_headers(SECRET, "wd_1", NOW, body)
    verify(SECRET, headers, body, NOW)
    with pytest.raises(Refused):
        verify(SECRET, headers, body + b" ", NOW)
    with pytest.raises(Refused):
        verify(SECRET, {**headers, "webhook-id": "wd_2"}, body, NOW)
    with pytest.raises(Refused):
        verify(SECRET, headers, body, NOW + timedelta(minutes=6))


@pytest.mark.parametrize("secret", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_no base64"])
def test_a_secret_of_another_form_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(ValueError, match=r"secret|base64|padding|Invalid|Non-base64|Only base64") as refused:
        signature(secret, "wd_1", "1614265330", b"{}")
    assert len(secret) < 7 or secret not in str(refused.value)


def test_a_message_tells_what_happened_when_and_how_the_resource_stands() -> None:
    intent = PaymentIntent.create(
        CONTEXT,
        merchant_id="mer_1",
        amount=Money(1_500_000),
        code="SOCAI23456789",
        bank_account_id="ba_acb_main",
        description="Order 7",
        merchant_reference="7",
        expires_at=None,
    )
    intent.receive(CONTEXT, line_id="sl_1", amount=Money(1_500_000), fee=Money(15_000), on=NOW.date())
    envelope = intent.collect_events()[1]
    assert json.loads(message_body(envelope, intent)) == {
        "type": "payment_intent.paid",
        "timestamp": "2026-11-23T03:00:00.123456Z",
        "data": {
            "object": "payment_intent",
            "id": intent.id,
            "merchant_id": "mer_1",
            "status": "paid",
            "amount": 1_500_000,
            "currency": "VND",
            "received": 1_500_000,
            "fees": 15_000,
            "settled": 0,
            "code": "SOCAI23456789",
            "description": "Order 7",
            "merchant_reference": "7",
            "created_at": "2026-11-23T03:00:00.123456Z",
            "expires_at": None,
        },
    }
    assert message_body(envelope, intent) == message_body(envelope, intent)


def test_a_payout_is_told_without_name_number_and_memo() -> None:
    told = message_body(payout().collect_events()[0], payout())
    assert b"canary" not in told
    assert b"c2VhbGVk" not in told
    assert json.loads(told)["data"]["beneficiary"] == {"bin": "970422"}


def test_a_settlement_is_told_with_its_figures() -> None:
    line = SettlementLine("pi_1", Money(1_500_000), Money(15_000))
    settlement = Settlement.close(CONTEXT, settlement_id="stl_1", merchant_id="mer_1", lines=[line])
    assert resource(settlement) == {
        "object": "settlement",
        "id": "stl_1",
        "merchant_id": "mer_1",
        "status": "closed",
        "gross": 1_500_000,
        "fees": 15_000,
        "net": 1_485_000,
        "currency": "VND",
        "payment_intents": 1,
    }


def test_every_public_event_is_about_something_that_can_be_shown() -> None:
    import_all(ledger)
    nouns = {
        noun
        for noun, kind in AGGREGATES.items()
        for event in vars(kind).values()
        if isinstance(event, type) and issubclass(event, Event) and event.public
    }
    shown = Path(resource.__code__.co_filename).read_text()
    assert nouns == {"payment_intent", "payout", "settlement"}
    assert all(f'"object": "{noun}"' in shown for noun in nouns)


def test_an_aggregate_without_public_events_is_not_shown() -> None:
    with pytest.raises(LookupError):
        resource(AGGREGATES["merchant"]("mer_1"))
