"""Payment intents in the table are what the aggregates are, and every query finds what it should."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from ledger.payments import PaymentIntent
from projections.database import Database
from projections.payments import due_to_expire, payment, payments, unsettled
from tests.projections.tale import Tale

Follow = Callable[[], None]


def test_every_payment_in_the_table_is_what_the_aggregate_is(tale: Tale, tables: Database) -> None:
    rows = payments(tables, limit=1000)
    assert {row.id for row in rows} >= set(tale.payments.values())
    for row in rows:
        intent = tale.story.ledger.get(PaymentIntent, row.id)
        assert (row.merchant_id, row.code, row.bank_account_id) == (
            intent.merchant_id,
            intent.code,
            intent.bank_account_id,
        )
        assert (row.description, row.merchant_reference) == (intent.description, intent.merchant_reference)
        assert (row.expires_at, row.created_at, row.status) == (intent.expires_at, intent.created_at, intent.status)
        assert (row.amount, row.received, row.fees) == (
            intent.amount.units,
            intent.received.units,
            intent.fees.units,
        )
        assert (row.settled, row.settled_fees) == (intent.settled.units, intent.settled_fees.units)
        assert row.currency == intent.amount.currency


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("exact", "paid"),
        ("over", "overpaid"),
        ("twice", "paid"),
        ("under", "underpaid"),
        ("awaiting", "awaiting"),
        ("cancelled", "cancelled"),
        ("late", "expired"),
        ("taken back", "awaiting"),
        ("by hand", "paid"),
    ],
)
def test_a_payment_shows_how_it_went(tale: Tale, tables: Database, word: str, status: str) -> None:
    row = payment(tables, tale.payments[word])
    assert row is not None
    assert row.status == status


def test_a_payment_nobody_made_is_none(tale: Tale, tables: Database) -> None:
    for stranger in ("pi_nobody", "pi_ơ", f"{tale.payments['exact']} ", tale.payments["exact"].lower(), "x" * 500):
        assert payment(tables, stranger) is None


def test_payments_are_found_by_merchant_and_status(tale: Tale, tables: Database) -> None:
    assert {row.merchant_id for row in payments(tables, merchant_id=tale.quiet, limit=9)} == {tale.quiet}
    assert [row.id for row in payments(tables, status="underpaid", limit=9)] == [tale.payments["under"]]


def test_what_waits_for_a_settlement_is_found_by_merchant(tale: Tale, tables: Database) -> None:
    everything = payments(tables, merchant_id=tale.merchant, limit=100)
    waiting = {row.id for row in everything if (row.received, row.fees) != (row.settled, row.settled_fees)}
    assert set(unsettled(tables, merchant_id=tale.merchant, limit=100)) == waiting
    assert unsettled(tables, merchant_id=tale.quiet, limit=100) == []


def test_a_payment_is_due_to_expire_once_its_time_is_over(tale: Tale, tables: Database) -> None:
    due = tale.payments["due"]
    ends = tale.story.payment(due).expires_at
    assert ends is not None
    assert due_to_expire(tables, now=ends, limit=10) == [due]
    assert due_to_expire(tables, now=ends - timedelta(microseconds=1), limit=10) == []
