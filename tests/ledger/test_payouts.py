"""Payout: every status with every act; only declared transitions, and what is final stays final."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import codes, payouts
from ledger.context import Context
from ledger.errors import InvalidAmount, InvalidField, OwnApproval, PayoutStateConflict, ReasonMissing
from ledger.payouts import (
    AMOUNT_MAX,
    ANSWER_WITHIN,
    MEMO_MAX,
    NOT_SENT_TIMES,
    Payout,
    enquiry_slot,
    id_of_end_to_end,
    not_sent_pause,
)
from ledger.privacy import Sealed
from tests.story import dong

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
ON = date(2026, 11, 23)
SEALED = Sealed(person="person_1", key="k", text="dGV4dA==", digest="d")
E2E = codes.make(codes.END_TO_END_PREFIX, codes.END_TO_END_LENGTH, "test")
FINAL_AFTER = timedelta(minutes=15)


def context(actor: str = "merchant:mer_1/key:asks", after: timedelta = timedelta()) -> Context:
    return Context(at=START + after, actor=actor, command_id="cmd", correlation_id="cmd")


OTHER = context("merchant:mer_1/key:approves")


def requested(units: int = 1_000, fee: int = 33, memo: str = "luong", approvals: int = 1) -> Payout:
    return Payout.request(
        context(),
        merchant_id="mer_1",
        amount=dong(units),
        fee=dong(fee),
        bank_account_id="ba_1",
        beneficiary_bin="970422",
        beneficiary_account=SEALED,
        beneficiary_name=SEALED,
        memo=memo,
        end_to_end_id=E2E,
        approvals_needed=approvals,
    )


Act = Callable[[Payout], object]
ACTS: dict[str, Act] = {
    "approve": lambda one: one.approve(OTHER),
    "reject": lambda one: one.reject(OTHER, reason="no"),
    "cancel": lambda one: one.cancel(context(), reason="no"),
    "submit": lambda one: one.submit(context()),
    "not_sent": lambda one: one.not_sent(context(), attempt=1, why="refused"),
    "outcome_unknown": lambda one: one.outcome_unknown(context(), why="time-out"),
    "not_found": lambda one: one.not_found(context(), final_after=FINAL_AFTER, statement_read_at=None),
    "outcome_unknown_if_submitted": lambda one: one.outcome_unknown_if_submitted(context()),
    "escalate": lambda one: one.escalate(context(), why="ladder used up"),
    "accept": lambda one: one.accept(context(), bank_reference="4711"),
    "execute": lambda one: one.execute(context(), bank_reference="4711"),
    "decline": lambda one: one.decline(context(), reason="refused", bank_code="x"),
    "confirm": lambda one: one.confirm(context(), line_id="sl_1", on=ON),
    "give_back": lambda one: one.give_back(context(), line_id="sl_2", amount=dong(1_000), on=ON),
}
WAYS = {
    "requested": (),
    "approved": ("approve",),
    "rejected": ("reject",),
    "cancelled": ("cancel",),
    "submitted": ("approve", "submit"),
    "unknown": ("approve", "submit", "outcome_unknown"),
    "accepted": ("approve", "submit", "accept"),
    "failed": ("approve", "submit", "decline"),
    "confirmed": ("approve", "submit", "accept", "confirm"),
    "returned": ("approve", "submit", "accept", "confirm", "give_back"),
}
NEXT = {
    "requested": {"approve": "approved", "reject": "rejected", "cancel": "cancelled"},
    "approved": {"cancel": "cancelled", "submit": "submitted"},
    "submitted": {
        "not_sent": "approved",
        "outcome_unknown": "unknown",
        "not_found": "unknown",
        "outcome_unknown_if_submitted": "unknown",
        "accept": "accepted",
        "execute": "accepted",
        "decline": "failed",
    },
    "unknown": {"accept": "accepted", "execute": "accepted", "decline": "failed"},
    "accepted": {"decline": "failed"},
}
"""Where each act of ours or of a bank's answer leads; the statement's word is a fact in every status."""
REFUSED = {"approve", "reject", "cancel", "submit"}
"""Our own wishes are refused in a wrong status; what the bank tells too late changes nothing."""
SAYS_MORE = {
    ("unknown", "outcome_unknown"),
    ("unknown", "not_found"),
    ("unknown", "escalate"),
    ("accepted", "escalate"),
    ("accepted", "execute"),
}
"""Acts that are recorded without a change of status."""


def came_to(status: str) -> Payout:
    one = requested()
    for act in WAYS[status]:
        ACTS[act](one)
    assert one.status == status
    one.collect_events()
    return one


@pytest.mark.parametrize("act", [act for act in ACTS if act not in ("confirm", "give_back")])
@pytest.mark.parametrize("status", WAYS)
def test_only_declared_transitions_happen(status: str, act: str) -> None:
    one = came_to(status)
    leads_to = NEXT.get(status, {}).get(act)
    if leads_to is None and act in REFUSED:
        with pytest.raises(PayoutStateConflict) as refusal:
            ACTS[act](one)
        assert refusal.value.facts["status"] == status
    else:
        ACTS[act](one)
    assert one.status == (leads_to or status)
    assert bool(one.collect_events()) == (leads_to is not None or (status, act) in SAYS_MORE)


@pytest.mark.parametrize("status", WAYS)
def test_what_the_statement_shows_is_a_fact_in_every_status(status: str) -> None:
    one = came_to(status)
    one.confirm(context(), line_id="sl_9", on=date(2026, 11, 20))
    (envelope,) = one.collect_events()
    assert isinstance(envelope.event, Payout.Confirmed)
    assert envelope.event.late == (status in ("failed", "cancelled", "rejected"))
    assert envelope.effective_on == date(2026, 11, 20)
    assert one.status == ("returned" if status == "returned" else "confirmed")
    assert one.shown_on_statement
    one.give_back(context(), line_id="sl_10", amount=dong(1_000), on=ON)
    assert one.status == "returned"


def test_every_method_that_changes_a_payout_is_tried_in_every_status() -> None:
    public = {name for name, value in vars(Payout).items() if callable(value) and not name.startswith("_")}
    events = {name for name, value in vars(Payout).items() if isinstance(value, type)}
    assert public - events == set(ACTS)


@pytest.mark.parametrize("status", ["rejected", "cancelled", "failed", "confirmed", "returned"])
@given(acts=st.lists(st.sampled_from([act for act in ACTS if act not in ("confirm", "give_back")]), max_size=12))
def test_only_the_statement_can_end_an_end(status: str, acts: list[str]) -> None:
    one = came_to(status)
    for act in acts:
        try:
            ACTS[act](one)
        except PayoutStateConflict:
            assert act in REFUSED
    assert (one.status, one.collect_events()) == (status, [])


def test_funds_are_held_exactly_until_the_bank_has_them_or_it_ended() -> None:
    assert {status for status in WAYS if came_to(status).holds_funds} == set(payouts.HOLDING)
    assert requested(1_000, 33).cost == dong(1_033)


def test_nobody_approves_their_own_request() -> None:
    one = requested()
    with pytest.raises(OwnApproval):
        one.approve(context())
    assert one.status == "requested"
    one.approve(OTHER)
    assert one.collect_events()[-1].event == Payout.Approved(by=OTHER.actor)


def test_terms_that_need_nobody_approve_by_policy_at_once() -> None:
    one = requested(approvals=0)
    assert [envelope.event for envelope in one.collect_events()][1] == Payout.Approved(by="policy")
    assert one.status == "approved"


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_a_rejection_and_a_cancellation_need_a_reason(reason: str) -> None:
    one = requested()
    for act in (one.reject, one.cancel):
        with pytest.raises(ReasonMissing):
            act(OTHER, reason=reason)
    one.reject(OTHER, reason="  too much ")
    assert one.reason == "too much"


def test_old_news_of_another_attempt_is_not_taken_for_this_one() -> None:
    one = came_to("submitted")
    one.not_sent(context(), attempt=1, why="refused")
    one.submit(context())
    assert one.attempt == 2
    one.not_sent(context(), attempt=1, why="refused")
    assert one.status == "submitted"
    one.not_sent(context(), attempt=2, why="refused")
    assert one.status == "approved"


def test_an_order_that_never_left_is_sent_again_under_the_same_id() -> None:
    one = came_to("submitted")
    one.not_sent(context(), attempt=1, why="refused")
    one.submit(context())
    assert one.collect_events()[-1].event == Payout.Submitted(attempt=2, end_to_end_id=E2E)


def test_an_execution_that_comes_first_is_acceptance_too_and_said_once() -> None:
    one = came_to("submitted")
    for _ in range(3):
        one.execute(context(), bank_reference="4711")
    assert [envelope.name for envelope in one.collect_events()] == ["payout.accepted", "payout.executed"]
    assert (one.executed, one.bank_reference) == (True, "4711")


def test_a_decline_after_acceptance_says_so() -> None:
    for status, after in (("submitted", False), ("unknown", False), ("accepted", True)):
        one = came_to(status)
        one.decline(context(), reason="refused", bank_code="x")
        (envelope,) = one.collect_events()
        assert envelope.event == Payout.Failed(reason="refused", bank_code="x", after_acceptance=after)


def test_people_are_called_once() -> None:
    one = came_to("unknown")
    for _ in range(3):
        one.escalate(context(), why="ladder used up")
    assert len(one.collect_events()) == 1


def asked(one: Payout, seconds: int, read_after: int | None) -> None:
    read_at = None if read_after is None else START + timedelta(seconds=read_after)
    one.not_found(context(after=timedelta(seconds=seconds)), final_after=FINAL_AFTER, statement_read_at=read_at)


@pytest.mark.parametrize(
    ("answers", "read_after", "status"),
    [
        ((900, 960, 1_020), 900, "failed"),
        ((60, 120, 900), 900, "failed"),
        ((900, 960, 1_020), 899, "unknown"),
        ((900, 960, 1_020), None, "unknown"),
        ((900, 960), 5_000, "unknown"),
        ((900, 959, 1_018), 5_000, "unknown"),
        ((900, 959, 1_019, 1_079), 5_000, "failed"),
        ((900, 900, 900, 900), 5_000, "unknown"),
    ],
)
def test_not_found_is_failure_only_at_its_bounds(answers: tuple[int, ...], read_after: int | None, status: str) -> None:
    one = came_to("submitted")
    for seconds in answers:
        asked(one, seconds, read_after)
    assert one.status == status


def test_not_found_counts_in_a_row_only() -> None:
    one = came_to("unknown")
    for seconds in (900, 960):
        asked(one, seconds, 5_000)
    one.outcome_unknown(context(after=timedelta(seconds=1_000)), why="time-out")
    for seconds in (1_020, 1_080):
        asked(one, seconds, 5_000)
        assert one.status == "unknown"
    asked(one, 1_140, 5_000)
    assert (one.status, one.reason) == ("failed", "not_found")


def test_a_bank_that_does_not_know_a_payout_leaves_what_was_accepted_alone() -> None:
    one = came_to("accepted")
    for seconds in (900, 960, 1_020, 1_080):
        asked(one, seconds, 5_000)
    assert (one.status, one.collect_events()) == ("accepted", [])


@pytest.mark.parametrize(
    ("status", "rungs_s"),
    [
        ("unknown", [60, 120, 300, 900, 3_600, 7_200, 10_800]),
        ("accepted", [5, 15, 30, 60, 120, 240, 480, 900, 1_800, 3_600, 5_400]),
        ("submitted", [300]),
    ],
)
def test_the_asking_ladder_rises_exactly_at_its_rungs(status: str, rungs_s: list[int]) -> None:
    assert enquiry_slot(status, START, START) == 0
    for rung, seconds in enumerate(rungs_s, start=1):
        assert enquiry_slot(status, START, START + timedelta(seconds=seconds)) == rung
        assert enquiry_slot(status, START, START + timedelta(seconds=seconds, microseconds=-1)) == rung - 1


@given(st.sampled_from(payouts.ASKED_ABOUT), st.integers(0, 86_400), st.integers(0, 86_400))
def test_the_asking_ladder_never_goes_down(status: str, a: int, b: int) -> None:
    early, late = (enquiry_slot(status, START, START + timedelta(seconds=s)) for s in sorted((a, b)))
    assert early <= late


def test_a_worker_counts_as_lost_only_after_any_call_must_have_ended() -> None:
    assert enquiry_slot("submitted", START, START + ANSWER_WITHIN - timedelta(microseconds=1)) == 0
    assert enquiry_slot("submitted", START, START + ANSWER_WITHIN) == 1


def test_the_stream_of_a_payout_is_its_end_to_end_id() -> None:
    assert requested().id == id_of_end_to_end(E2E) == f"po_{E2E.removeprefix('SP')}"


@pytest.mark.parametrize("units", [0, -1])
def test_a_payout_of_nothing_is_refused(units: int) -> None:
    with pytest.raises(InvalidAmount):
        requested(units)


def test_what_no_bank_would_take_is_refused_naming_the_field() -> None:
    assert requested(AMOUNT_MAX, memo="x" * MEMO_MAX).status == "requested"
    refused: dict[str, Callable[[], Payout]] = {
        "amount": lambda: requested(AMOUNT_MAX + 1),
        "memo": lambda: requested(memo="x" * (MEMO_MAX + 1)),
    }
    for field, make in refused.items():
        with pytest.raises(InvalidField) as refusal:
            make()
        assert refusal.value.field == field


def test_an_order_that_never_left_is_tried_ever_more_slowly_and_people_are_told_in_the_end() -> None:
    pauses = [not_sent_pause(attempt) for attempt in range(1, 40)]
    assert pauses[0] == timedelta(seconds=30)
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=1)
    one = requested(approvals=0)
    for attempt in range(1, NOT_SENT_TIMES + 1):
        one.escalate(context(), why="it cannot be sent")
        assert not one.escalated
        one.submit(context())
        one.not_sent(context(), attempt=attempt, why="refused")
    one.escalate(context(), why="it cannot be sent")
    assert (one.escalated, one.status) == (True, "approved")
