"""Payouts: who decides, what becomes of the funds, and that late news changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commands import Command
from commands.merchants import AddApiKey
from commands.payouts import (
    ApprovePayout,
    CancelPayout,
    EscalatePayout,
    RecordPayoutAccepted,
    RecordPayoutDeclined,
    RecordPayoutExecuted,
    RecordPayoutNotFound,
    RecordPayoutNotSent,
    RecordPayoutUnknown,
    RejectPayout,
    RequestPayout,
    SubmitPayout,
)
from ledger import accounts, codes
from ledger.errors import (
    InsufficientFunds,
    InvalidAmount,
    InvalidBeneficiary,
    InvalidField,
    MerchantNotFound,
    OwnApproval,
    PayoutNotFound,
    PayoutStateConflict,
    Problem,
)
from ledger.payouts import AMOUNT_MAX, Payout
from ledger.privacy import Personal
from ledger.statements import StatementLine
from tests.story import BANK_ACCOUNT, Story, dong

FINAL_AFTER = timedelta(minutes=15)
FEE = 3_300


def request(merchant_id: str, units: int = 1_000, number: str = "0001234567890", name: str = "AN") -> RequestPayout:
    return RequestPayout(
        merchant_id=merchant_id,
        amount=dong(units),
        beneficiary_bin="970422",
        beneficiary_account=Personal(number),
        beneficiary_name=Personal(name),
        memo="luong",
    )


def accepted(payout: Payout) -> Command:
    return RecordPayoutAccepted(payout_id=payout.id, bank_reference="4711")


def declined(payout: Payout) -> Command:
    return RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x")


def not_found(payout: Payout, story: Story) -> Command:
    return RecordPayoutNotFound(payout_id=payout.id, final_after=FINAL_AFTER, statement_read_at=story.now)


def unknown(payout: Payout) -> Command:
    return RecordPayoutUnknown(payout_id=payout.id, why="time-out")


def test_a_request_holds_amount_and_fee_and_seals_who_is_paid() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.requested(merchant_id, 50_000)
    assert (payout.status, payout.cost) == ("requested", dong(53_300))
    assert story.available(merchant_id) == 46_700
    assert story.account(merchant_id).holds == {payout.id: dong(53_300)}
    assert codes.is_code(payout.end_to_end_id, codes.END_TO_END_PREFIX, codes.END_TO_END_LENGTH)
    vault = story.ledger.vault
    assert (vault.open(payout.beneficiary_account), vault.open(payout.beneficiary_name)) == (
        "0001234567890",
        "TRAN THI BINH",
    )
    stored = story.ledger.recorder.select_notifications(start=1, limit=100)
    assert not any(b"0001234567890" in row.state or b"BINH" in row.state for row in stored)


def test_funds_to_the_last_dong_can_be_asked_for_and_none_beyond() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    with pytest.raises(InsufficientFunds) as refusal:
        story.requested(merchant_id, 100_001 - FEE)
    assert refusal.value.facts == {"available": 100_000, "needed": 100_001, "currency": "VND"}
    story.requested(merchant_id, 100_000 - FEE)
    assert story.available(merchant_id) == 0


@pytest.mark.parametrize("number", ["", "1" * 20, "12 34", "１２３", "12-34", "số"])
def test_an_account_number_no_bank_has_is_refused_without_repeating_it(number: str) -> None:
    story = Story()
    with pytest.raises(InvalidBeneficiary) as refusal:
        story.when(request(story.funded(100_000), number=number))
    assert refusal.value.field == "beneficiary.account_number"
    assert not number or number not in refusal.value.detail


@pytest.mark.parametrize("name", ["", "  ", "-.-", "A" * 71])
def test_a_name_no_bank_takes_is_refused(name: str) -> None:
    story = Story()
    with pytest.raises(InvalidBeneficiary) as refusal:
        story.when(request(story.funded(100_000), name=name))
    assert refusal.value.field == "beneficiary.name"


def test_what_cannot_be_paid_is_refused_and_holds_nothing() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000_000)
    too_much = AMOUNT_MAX + 1
    refusals: list[tuple[int, type[Problem]]] = [(0, InvalidAmount), (-5, InvalidAmount), (too_much, InvalidField)]
    for units, kind in refusals:
        with pytest.raises(kind):
            story.when(request(merchant_id, units))
    with pytest.raises(MerchantNotFound):
        story.when(request("mer_9"))
    assert story.account(merchant_id).holds == {}


def test_another_person_approves_and_the_one_who_asked_cannot() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.requested(merchant_id, 50_000)
    approve = ApprovePayout(merchant_id=merchant_id, payout_id=payout.id)
    with pytest.raises(OwnApproval):
        story.when(approve, actor=f"merchant:{merchant_id}/key:asks")
    assert story.payout(payout.id).status == "requested"
    story.when(approve, actor=f"merchant:{merchant_id}/key:approves")
    assert story.payout(payout.id).status == "approved"
    with pytest.raises(PayoutStateConflict):
        story.when(approve, actor="operator:an")


def test_terms_that_need_nobody_approve_at_once() -> None:
    story = Story()
    merchant_id = story.funded(100_000, approvals=0)
    assert story.requested(merchant_id, 50_000).status == "approved"


@pytest.mark.parametrize("approved", [False, True])
def test_a_payout_taken_back_before_it_was_sent_frees_its_hold(approved: bool) -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.requested(merchant_id, 50_000)
    if approved:
        story.when(ApprovePayout(merchant_id=merchant_id, payout_id=payout.id))
    story.when(CancelPayout(merchant_id=merchant_id, payout_id=payout.id, reason="twice"))
    assert story.payout(payout.id).status == "cancelled"
    assert (story.available(merchant_id), story.account(merchant_id).holds) == (100_000, {})


def test_a_rejected_payout_frees_its_hold_and_is_never_sent() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.requested(merchant_id, 50_000)
    story.when(RejectPayout(merchant_id=merchant_id, payout_id=payout.id, reason="too much"))
    assert story.available(merchant_id) == 100_000
    with pytest.raises(PayoutStateConflict):
        story.when(SubmitPayout(payout_id=payout.id))


def test_a_foreign_payout_is_not_found_just_as_one_that_is_not_there() -> None:
    story = Story()
    merchant_id, stranger = story.funded(100_000), story.merchant()
    payout = story.requested(merchant_id, 50_000)
    details = set()
    for owner, payout_id in ((stranger, payout.id), (merchant_id, "po_9")):
        for command in (
            ApprovePayout(merchant_id=owner, payout_id=payout_id),
            RejectPayout(merchant_id=owner, payout_id=payout_id, reason="x"),
            CancelPayout(merchant_id=owner, payout_id=payout_id, reason="x"),
        ):
            with pytest.raises(PayoutNotFound) as refusal:
                story.when(command)
            details.add(refusal.value.detail.replace(payout_id, "…"))
    assert len(details) == 1
    assert story.payout(payout.id).status == "requested"


def test_news_of_a_payout_that_is_not_there_is_refused() -> None:
    story = Story()
    nowhere = Payout("po_9")
    for command in (
        SubmitPayout(payout_id="po_9"),
        RecordPayoutNotSent(payout_id="po_9", attempt=1, why="x"),
        unknown(nowhere),
        not_found(nowhere, story),
        accepted(nowhere),
        RecordPayoutExecuted(payout_id="po_9", bank_reference="x"),
        declined(nowhere),
        EscalatePayout(payout_id="po_9", why="x"),
    ):
        with pytest.raises(PayoutNotFound):
            story.when(command)


def test_only_one_worker_ever_submits_a_payout() -> None:
    story = Story()
    payout = story.submitted(story.funded(100_000), 50_000)
    with pytest.raises(PayoutStateConflict):
        story.when(SubmitPayout(payout_id=payout.id), actor="worker:other")
    assert story.payout(payout.id).attempt == 1


def test_an_order_that_never_left_is_approved_again_and_keeps_its_hold_and_id() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.submitted(merchant_id, 50_000)
    story.when(RecordPayoutNotSent(payout_id=payout.id, attempt=1, why="connection refused"))
    assert (story.payout(payout.id).status, story.available(merchant_id)) == ("approved", 46_700)
    story.when(SubmitPayout(payout_id=payout.id))
    again = story.payout(payout.id)
    assert (again.attempt, again.end_to_end_id) == (2, payout.end_to_end_id)
    story.when(RecordPayoutNotSent(payout_id=payout.id, attempt=1, why="late news"))
    assert story.payout(payout.id).status == "submitted"


def test_an_accepted_payout_leaves_the_hold_for_in_transit_and_earns_the_fee() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.submitted(merchant_id, 50_000)
    for _ in range(3):
        story.when(accepted(payout))
    assert story.account(merchant_id).holds == {}
    assert story.books() == {
        accounts.bank(BANK_ACCOUNT): 100_000,
        accounts.available(merchant_id): -46_700,
        accounts.IN_TRANSIT: -50_000,
        accounts.FEES: -FEE,
    }


def test_an_unknown_outcome_keeps_the_hold_and_cannot_be_sent_again() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.submitted(merchant_id, 50_000)
    story.when(unknown(payout))
    with pytest.raises(PayoutStateConflict):
        story.when(SubmitPayout(payout_id=payout.id))
    with pytest.raises(PayoutStateConflict):
        story.when(CancelPayout(merchant_id=merchant_id, payout_id=payout.id, reason="x"))
    assert story.available(merchant_id) == 46_700


def test_a_refusal_before_acceptance_frees_the_hold_and_posts_nothing() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    books = story.books()
    payout = story.submitted(merchant_id, 50_000)
    for _ in range(2):
        story.when(declined(payout))
    assert story.payout(payout.id).status == "failed"
    assert (story.available(merchant_id), story.books()) == (100_000, books)


def test_a_refusal_after_acceptance_gives_funds_and_fee_back() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    books = story.books()
    payout = story.submitted(merchant_id, 50_000)
    for command in (accepted(payout), declined(payout), declined(payout), accepted(payout)):
        story.when(command)
    assert story.payout(payout.id).status == "failed"
    assert (story.available(merchant_id), story.books()) == (100_000, books)


@pytest.mark.parametrize(("final_after_s", "status"), [(899, "failed"), (900, "failed"), (901, "unknown")])
def test_not_found_frees_the_hold_exactly_when_it_is_final(final_after_s: int, status: str) -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.submitted(merchant_id, 50_000)
    story.passes(seconds=900)
    read_at = story.now
    for _ in range(3):
        command = RecordPayoutNotFound(
            payout_id=payout.id, final_after=timedelta(seconds=final_after_s), statement_read_at=read_at
        )
        assert story.payout(payout.id).holds_funds
        story.when(command)
        story.passes(seconds=60)
    assert story.payout(payout.id).status == status
    assert story.available(merchant_id) == (100_000 if status == "failed" else 46_700)


def test_a_payout_found_after_all_starts_no_second_life() -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.submitted(merchant_id, 50_000)
    story.passes(seconds=900)
    for command in (not_found(payout, story), accepted(payout), not_found(payout, story), unknown(payout)):
        story.when(command)
        story.passes(seconds=60)
    assert story.payout(payout.id).status == "accepted"
    assert story.names(payout.id)[-2:] == ["payout.enquired", "payout.accepted"]


def test_people_are_called_once_for_a_payout_in_doubt_and_never_for_a_clear_one() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000)
    clear, never_shown, doubtful = (story.submitted(merchant_id, units) for units in (50_000, 60_000, 70_000))
    story.bank_says(story.row(50_000, clear.end_to_end_id, direction="debit"))
    story.when(accepted(never_shown))
    story.when(unknown(doubtful))
    for payout in (clear, never_shown, never_shown, doubtful, doubtful):
        story.when(EscalatePayout(payout_id=payout.id, why="the ladder is used up"))
    assert [envelope.name for envelope in story.log()].count("alarm.raised") == 2
    assert story.payout(never_shown.id).escalated
    assert story.payout(doubtful.id).escalated
    assert not story.payout(clear.id).escalated


@pytest.mark.parametrize("sent_before", [False, True])
def test_a_credit_that_names_a_payout_returns_it_only_if_it_was_ever_sent(sent_before: bool) -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = story.submitted(merchant_id, 50_000) if sent_before else story.requested(merchant_id, 50_000)
    line_id = story.bank_says(story.row(50_000, payout.end_to_end_id)).subject
    line = story.ledger.get(StatementLine, line_id)
    if sent_before:
        assert (line.status, story.payout(payout.id).status) == ("matched", "returned")
        assert story.available(merchant_id) == 96_700
    else:
        assert (line.reason, story.payout(payout.id).status) == ("return_of_nothing_sent", "requested")
        assert story.account(merchant_id).holds == {payout.id: payout.cost}


ENDS: dict[str, Callable[[Story, str], Payout]] = {}


def ends(function: Callable[[Story, str], Payout]) -> Callable[[Story, str], Payout]:
    ENDS[function.__name__] = function
    return function


@ends
def failed(story: Story, merchant_id: str) -> Payout:
    payout = story.submitted(merchant_id, 50_000)
    story.when(declined(payout))
    return payout


@ends
def cancelled(story: Story, merchant_id: str) -> Payout:
    payout = story.requested(merchant_id, 50_000)
    story.when(CancelPayout(merchant_id=merchant_id, payout_id=payout.id, reason="x"))
    return payout


@ends
def confirmed(story: Story, merchant_id: str) -> Payout:
    payout = story.submitted(merchant_id, 50_000)
    story.bank_says(story.row(50_000, payout.end_to_end_id, direction="debit"))
    return payout


@ends
def returned(story: Story, merchant_id: str) -> Payout:
    payout = confirmed(story, merchant_id)
    story.bank_says(story.row(50_000, payout.end_to_end_id))
    return payout


@pytest.mark.parametrize("end", ENDS)
def test_answers_that_come_after_the_end_change_nothing(end: str) -> None:
    story = Story()
    merchant_id = story.funded(100_000)
    payout = ENDS[end](story, merchant_id)
    before = (len(story.log()), story.available(merchant_id))
    assert story.payout(payout.id).status == end
    for command in (
        accepted(payout),
        RecordPayoutExecuted(payout_id=payout.id, bank_reference="4712"),
        unknown(payout),
        not_found(payout, story),
        declined(payout),
        RecordPayoutNotSent(payout_id=payout.id, attempt=1, why="x"),
        EscalatePayout(payout_id=payout.id, why="x"),
    ):
        story.when(command)
    assert (len(story.log()), story.available(merchant_id)) == before


CREDITED = 1_000_000
MOVES: dict[str, Callable[[Story, Payout], Command]] = {
    "approve": lambda story, payout: ApprovePayout(merchant_id=payout.merchant_id, payout_id=payout.id),
    "reject": lambda story, payout: RejectPayout(merchant_id=payout.merchant_id, payout_id=payout.id, reason="x"),
    "cancel": lambda story, payout: CancelPayout(merchant_id=payout.merchant_id, payout_id=payout.id, reason="x"),
    "submit": lambda story, payout: SubmitPayout(payout_id=payout.id),
    "not_sent": lambda story, payout: RecordPayoutNotSent(payout_id=payout.id, attempt=1, why="x"),
    "unknown": lambda story, payout: unknown(payout),
    "not_found": lambda story, payout: not_found(payout, story),
    "accept": lambda story, payout: accepted(payout),
    "execute": lambda story, payout: RecordPayoutExecuted(payout_id=payout.id, bank_reference="4711"),
    "decline": lambda story, payout: declined(payout),
    "debit": lambda story, payout: story.row(
        payout.amount.units, payout.end_to_end_id, direction="debit", reference=f"D{payout.id}"
    ),
}


@settings(max_examples=150)
@given(
    st.lists(st.integers(1, 400_000), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(list(MOVES))), max_size=40),
)
def test_what_was_credited_is_available_held_paid_or_a_fee_after_any_moves(
    amounts: list[int], moves: list[tuple[int, str]]
) -> None:
    story = Story()
    merchant_id = story.funded(CREDITED)
    payouts: list[str] = []
    for units in amounts:
        if units + FEE <= story.available(merchant_id):
            payouts.append(story.requested(merchant_id, units).id)
        else:
            with pytest.raises(InsufficientFunds):
                story.requested(merchant_id, units)
    for index, move in moves:
        if payouts:
            story.passes(seconds=61)
            try:
                story.when(MOVES[move](story, story.payout(payouts[index % len(payouts)])))
            except (PayoutStateConflict, OwnApproval):
                assert move in ("approve", "reject", "cancel", "submit")
        check_conservation(story, merchant_id, [story.payout(payout_id) for payout_id in payouts])


def check_conservation(story: Story, merchant_id: str, payouts: list[Payout]) -> None:
    account = story.account(merchant_id)
    out = [payout for payout in payouts if payout.status in ("accepted", "confirmed")]
    paid, fees = (sum(part) for part in ([p.amount.units for p in out], [p.fee.units for p in out]))
    assert account.available.units + account.held.units + paid + fees == CREDITED
    assert set(account.holds) == {payout.id for payout in payouts if payout.holds_funds}
    assert all(account.holds[payout.id] == payout.cost for payout in payouts if payout.holds_funds)
    books = story.books()
    assert -books.get(accounts.available(merchant_id), 0) == account.posted.units
    assert -books.get(accounts.FEES, 0) == fees
    in_transit = [payout.amount.units for payout in payouts if payout.status == "accepted"]
    assert -books.get(accounts.IN_TRANSIT, 0) == sum(in_transit)


def test_keys_made_with_one_another_are_one_person_and_a_key_made_by_an_operator_is_another() -> None:
    story = Story()
    merchant_id = story.funded(1_000_000)

    def key(name: str, maker: str) -> str:
        role = "owner" if name == "first" else "approver"
        made = AddApiKey(merchant_id=merchant_id, key_id=name, label=name, role=role, digest=name * 8)
        story.when(made, actor=maker)
        return f"merchant:{merchant_id}/key:{name}"

    owner = key("first", "operator:linh")
    own_second = key("second", owner)
    own_third = key("third", own_second)
    other = key("other", "operator:linh")
    command = RequestPayout(
        merchant_id=merchant_id,
        amount=dong(1_000),
        beneficiary_bin="970422",
        beneficiary_account=Personal("1"),
        beneficiary_name=Personal("A"),
        memo="",
    )
    payout_id = story.when(command, actor=own_second).subject
    for hand in (owner, own_second, own_third):
        with pytest.raises(OwnApproval):
            story.when(ApprovePayout(merchant_id=merchant_id, payout_id=payout_id), actor=hand)
    story.when(ApprovePayout(merchant_id=merchant_id, payout_id=payout_id), actor=other)
    assert story.payout(payout_id).status == "approved"
