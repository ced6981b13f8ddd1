"""What a bank tells unasked of an order: like an enquiry's answer, and an alarm when it cannot be true."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from commands.order_news import RecordOrderNews
from commands.payouts import (
    CancelPayout,
    RecordPayoutAccepted,
    RecordPayoutDeclined,
    RecordPayoutExecuted,
    RecordPayoutNotSent,
    RecordPayoutUnknown,
    RejectPayout,
)
from ledger.alarms import ORDER_NEWS_CONTRADICTS, Alarm, id_of_alarm
from ledger.errors import PayoutNotFound
from ledger.payouts import Payout
from tests.story import Story

AMOUNT, COST = 50_000, 53_300


def news(payout: Payout, told: str) -> RecordOrderNews:
    return RecordOrderNews(
        payout_id=payout.id,
        told=told,  # type: ignore[arg-type]  # one of the three words, by the tests below
        bank_reference="FT1",
        reason="refused" if told == "declined" else "",
        bank_code="PA-005" if told == "declined" else "",
    )


def submitted(story: Story, merchant_id: str) -> Payout:
    return story.submitted(merchant_id, AMOUNT)


def unknown(story: Story, merchant_id: str) -> Payout:
    payout = submitted(story, merchant_id)
    story.when(RecordPayoutUnknown(payout_id=payout.id, why="time-out"))
    return payout


def accepted(story: Story, merchant_id: str) -> Payout:
    payout = submitted(story, merchant_id)
    story.when(RecordPayoutAccepted(payout_id=payout.id, bank_reference=""))
    return payout


def executed(story: Story, merchant_id: str) -> Payout:
    payout = submitted(story, merchant_id)
    story.when(RecordPayoutExecuted(payout_id=payout.id, bank_reference=""))
    return payout


def failed(story: Story, merchant_id: str) -> Payout:
    payout = submitted(story, merchant_id)
    story.when(RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x"))
    return payout


def confirmed(story: Story, merchant_id: str) -> Payout:
    payout = submitted(story, merchant_id)
    story.bank_says(story.row(AMOUNT, payout.end_to_end_id, direction="debit"))
    return payout


def returned(story: Story, merchant_id: str) -> Payout:
    payout = confirmed(story, merchant_id)
    story.bank_says(story.row(AMOUNT, payout.end_to_end_id))
    return payout


def requested(story: Story, merchant_id: str) -> Payout:
    return story.requested(merchant_id, AMOUNT)


def rejected(story: Story, merchant_id: str) -> Payout:
    payout = requested(story, merchant_id)
    story.when(RejectPayout(merchant_id=merchant_id, payout_id=payout.id, reason="x"), actor="operator:other")
    return payout


def cancelled(story: Story, merchant_id: str) -> Payout:
    payout = requested(story, merchant_id)
    story.when(CancelPayout(merchant_id=merchant_id, payout_id=payout.id, reason="x"))
    return payout


def approved_again(story: Story, merchant_id: str) -> Payout:
    payout = submitted(story, merchant_id)
    story.when(RecordPayoutNotSent(payout_id=payout.id, attempt=1, why="x"))
    return payout


STATES: dict[str, Callable[[Story, str], Payout]] = {
    state.__name__: state
    for state in (
        submitted,
        unknown,
        accepted,
        executed,
        failed,
        confirmed,
        returned,
        requested,
        rejected,
        cancelled,
        approved_again,
    )
}

ENDS = {
    # state: what becomes of it when the bank tells accepted, executed, declined; "alarm" means nothing but that
    "submitted": ("accepted", "executed", "failed"),
    "unknown": ("accepted", "executed", "failed"),
    "accepted": ("", "executed", "failed"),
    "executed": ("", "", "alarm"),
    "failed": ("", "alarm", ""),
    "confirmed": ("", "", "alarm"),
    "returned": ("", "", ""),
    "requested": ("alarm", "alarm", "alarm"),
    "rejected": ("alarm", "alarm", "alarm"),
    "cancelled": ("alarm", "alarm", "alarm"),
    "approved_again": ("alarm", "alarm", "alarm"),
}

CASES = [
    (state, told, end)
    for state, ends in ENDS.items()
    for told, end in zip(("accepted", "executed", "declined"), ends, strict=True)
]


@pytest.mark.parametrize(("state", "told", "end"), CASES)
def test_news_is_taken_or_changes_nothing_or_rings_once(state: str, told: str, end: str) -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = STATES[state](story, merchant_id)
    before = (story.payout(payout.id).version, story.available(merchant_id), story.books())
    length = len(story.log())
    for _ in range(3):
        story.when(news(payout, told))
    now = story.payout(payout.id)
    alarm = story.ledger.find(Alarm, id_of_alarm(ORDER_NEWS_CONTRADICTS, payout.id))
    assert (alarm is not None) == (end == "alarm")
    if end in ("", "alarm"):
        assert (now.version, story.available(merchant_id), story.books()) == before
        assert len(story.log()) == length + (end == "alarm")
    elif end == "executed":
        assert (now.status, now.executed) == ("accepted", True)
    else:
        assert now.status == end
    held = now.status in ("requested", "approved", "submitted", "unknown")
    assert story.account(merchant_id).holds.get(payout.id) is not None if held else not story.account(merchant_id).holds


def test_a_refusal_frees_the_hold_before_acceptance_and_gives_the_funds_back_after() -> None:
    for state in ("submitted", "unknown", "accepted"):
        story = Story()
        merchant_id = story.funded(100_000)
        payout = STATES[state](story, merchant_id)
        assert story.available(merchant_id) == 100_000 - COST
        story.when(news(payout, "declined"))
        assert story.available(merchant_id) == 100_000
        assert (story.payout(payout.id).reason) == "refused"


def test_the_alarm_says_both_sides() -> None:
    story = Story()
    payout = failed(story, story.funded(100_000))
    story.when(news(payout, "executed"))
    (raised,) = [one.event for one in story.log() if isinstance(one.event, Alarm.Raised)]
    assert raised.detail == "the bank tells of its order that it is executed; on record it is failed"
    assert raised.subject == payout.id


def test_the_answer_of_the_sender_that_comes_later_changes_nothing_more() -> None:
    """The callback may come before the answer to the order itself."""
    story = Story()
    merchant_id = story.funded(100_000)
    payout = submitted(story, merchant_id)
    story.when(news(payout, "executed"))
    before = len(story.log())
    for late in (
        RecordPayoutAccepted(payout_id=payout.id, bank_reference="FT1"),
        RecordPayoutUnknown(payout_id=payout.id, why="time-out"),
        RecordPayoutNotSent(payout_id=payout.id, attempt=1, why="x"),
    ):
        story.when(late)
    assert len(story.log()) == before


def test_news_of_a_payout_that_is_not_there_is_refused() -> None:
    with pytest.raises(PayoutNotFound):
        Story().when(RecordOrderNews(payout_id="po_none", told="executed"))
