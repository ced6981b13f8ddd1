"""The posting table: each happening debits and credits exactly what the design says, and always sums to zero."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import journal
from ledger.context import Context
from ledger.errors import UnbalancedEntry
from ledger.journal import JournalEntry, Posting, credit, debit
from ledger.money import Money
from tests.story import Story, dong

CONTEXT = Story().context()
ON = date(2026, 11, 20)
BANK, PENDING, AVAILABLE = "bank:ba_1", "merchant:mer_1:pending", "merchant:mer_1:available"
Post = Callable[[Money, Money], JournalEntry]

HAPPENINGS: dict[str, tuple[Post, dict[str, tuple[int, int]]]] = {
    "credit_unidentified": (
        lambda amount, fee: journal.credit_unidentified(CONTEXT, line_id="sl_1", on=ON, bank="ba_1", amount=amount),
        {BANK: (1, 0), "unidentified": (-1, 0)},
    ),
    "debit_unidentified": (
        lambda amount, fee: journal.debit_unidentified(CONTEXT, line_id="sl_1", on=ON, bank="ba_1", amount=amount),
        {"unidentified": (1, 0), BANK: (-1, 0)},
    ),
    "payment_matched": (
        lambda amount, fee: journal.payment_matched(
            CONTEXT, line_id="sl_1", on=ON, source=BANK, merchant_id="mer_1", amount=amount, fee=fee
        ),
        {BANK: (1, 0), PENDING: (-1, 1), "fees": (0, -1)},
    ),
    "payment_matched by hand": (
        lambda amount, fee: journal.payment_matched(
            CONTEXT, line_id="sl_1", on=ON, source="unidentified", merchant_id="mer_1", amount=amount, fee=fee
        ),
        {"unidentified": (1, 0), PENDING: (-1, 1), "fees": (0, -1)},
    ),
    "settlement_released": (
        lambda amount, fee: journal.settlement_released(
            CONTEXT, settlement_id="stl_1", on=ON, merchant_id="mer_1", net=amount
        ),
        {PENDING: (1, 0), AVAILABLE: (-1, 0)},
    ),
    "payout_accepted": (
        lambda amount, fee: journal.payout_accepted(
            CONTEXT, payout_id="po_1", on=ON, merchant_id="mer_1", amount=amount, fee=fee
        ),
        {AVAILABLE: (1, 1), "payouts:in_transit": (-1, 0), "fees": (0, -1)},
    ),
    "payout_confirmed": (
        lambda amount, fee: journal.payout_confirmed(CONTEXT, payout_id="po_1", on=ON, source=BANK, amount=amount),
        {"payouts:in_transit": (1, 0), BANK: (-1, 0)},
    ),
    "payout_declined_late": (
        lambda amount, fee: journal.payout_declined_late(
            CONTEXT, payout_id="po_1", on=ON, merchant_id="mer_1", amount=amount, fee=fee
        ),
        {"payouts:in_transit": (1, 0), "fees": (0, 1), AVAILABLE: (-1, -1)},
    ),
    "payout_returned": (
        lambda amount, fee: journal.payout_returned(
            CONTEXT, line_id="sl_1", on=ON, bank="ba_1", merchant_id="mer_1", amount=amount
        ),
        {BANK: (1, 0), AVAILABLE: (-1, 0)},
    ),
    "bank_fee": (
        lambda amount, fee: journal.bank_fee(CONTEXT, line_id="sl_1", on=ON, source="unidentified", amount=amount),
        {"bank_fees": (1, 0), "unidentified": (-1, 0)},
    ),
    "payout_confirmed_after_failure": (
        lambda amount, fee: journal.payout_confirmed_after_failure(
            CONTEXT, payout_id="po_1", on=ON, source=BANK, merchant_id="mer_1", amount=amount, fee=fee
        ),
        {AVAILABLE: (1, 1), BANK: (-1, 0), "fees": (0, -1)},
    ),
}
"""What each happening posts: account -> (times the amount, times the fee), debits positive."""


def sums(entry: JournalEntry) -> dict[str, int]:
    found: dict[str, int] = {}
    for posting in entry.postings:
        found[posting.account] = found.get(posting.account, 0) + posting.amount.units
    return {account: units for account, units in found.items() if units}


@pytest.mark.parametrize("happening", HAPPENINGS)
@given(amount=st.integers(1, 10**11), fee=st.integers(0, 10**11))
def test_a_happening_posts_what_the_table_says_and_sums_to_zero(happening: str, amount: int, fee: int) -> None:
    post, table = HAPPENINGS[happening]
    entry = post(dong(amount), dong(fee))
    expected = {account: a * amount + f * fee for account, (a, f) in table.items()}
    assert sums(entry) == {account: units for account, units in expected.items() if units}
    assert sum(posting.amount.units for posting in entry.postings) == 0
    assert all(posting.amount for posting in entry.postings)
    (envelope,) = entry.collect_events()
    assert isinstance(envelope.event, JournalEntry.Posted)
    assert envelope.event.happening == happening.partition(" ")[0]
    assert envelope.effective_on == ON


def test_every_function_that_posts_stands_in_the_table() -> None:
    posts = {
        name
        for name, value in vars(journal).items()
        if callable(value) and getattr(value, "__annotations__", {}).get("return") == "JournalEntry"
    }
    assert {name.partition(" ")[0] for name in HAPPENINGS} == posts


@pytest.mark.parametrize(
    "legs", [[debit("fees", dong(1))], [debit("fees", dong(2)), credit("adjustments", dong(1))]], ids=["one", "two"]
)
def test_legs_that_do_not_sum_to_zero_are_refused(legs: list[Posting]) -> None:
    with pytest.raises(UnbalancedEntry):
        JournalEntry.post(CONTEXT, happening="test", subject="x", value_date=ON, postings=legs)


def test_an_account_outside_the_chart_is_never_posted_to() -> None:
    legs = [debit("cash", dong(1)), credit("fees", dong(1))]
    with pytest.raises(ValueError, match="chart"):
        JournalEntry.post(CONTEXT, happening="test", subject="x", value_date=ON, postings=legs)


def posted(happening: str, subject: str, context: Context = CONTEXT) -> JournalEntry:
    legs = [debit("bank:ba_1", dong(5)), credit("fees", dong(5))]
    return JournalEntry.post(context, happening=happening, subject=subject, value_date=ON, postings=legs)


def test_the_same_happening_about_the_same_thing_is_the_same_entry() -> None:
    assert posted("bank_fee", "sl_1").id == posted("bank_fee", "sl_1", Story().context()).id
    assert posted("bank_fee", "sl_1").id == journal.id_of_entry("bank_fee", "sl_1")
    assert (
        len({posted("bank_fee", "sl_1").id, posted("bank_fee", "sl_2").id, posted("payout_returned", "sl_1").id}) == 3
    )


def test_a_reversal_is_a_new_entry_that_takes_back_every_leg_and_names_the_old_one() -> None:
    entry = posted("bank_fee", "sl_1")
    back = entry.reversal(CONTEXT, happening="line_reversed", subject="sl_2", value_date=date(2026, 11, 25))
    assert back.id != entry.id
    assert sums(back) == {account: -units for account, units in sums(entry).items()}
    (envelope,) = back.collect_events()
    assert isinstance(envelope.event, JournalEntry.Posted)
    assert (envelope.event.reverses, envelope.effective_on) == (entry.id, date(2026, 11, 25))
