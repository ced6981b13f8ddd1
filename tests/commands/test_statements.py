"""Whose a movement is, in every order the news can come in."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from commands.payments import CancelPaymentIntent
from commands.payouts import CancelPayout, RecordPayoutAccepted, RecordPayoutDeclined, RecordPayoutExecuted
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.statements import (
    ExplainBankFee,
    MatchPayoutLine,
    MatchStatementLine,
    RecordStatementLine,
    from_bank,
)
from ledger import accounts
from ledger.errors import PayoutStateConflict, ReasonMissing, StatementLineOwned
from ledger.privacy import Personal
from ledger.statements import Direction, StatementLine
from tests.story import BANK_ACCOUNT, Story, dong

BANK = accounts.bank(BANK_ACCOUNT)


def line(story: Story, line_id: str) -> StatementLine:
    return story.ledger.get(StatementLine, line_id)


def test_a_credit_with_a_code_pays_its_intent_and_posts_gross_and_fee() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=150)
    intent = story.intent(merchant_id, 1_500_000)
    receipt = story.bank_says(story.row(1_500_000, f"{intent.code} GD 112233-112326 09:00:00"))
    assert story.payment(intent.id).status == "paid"
    assert line(story, receipt.subject).owner_id == intent.id
    assert story.books() == {
        BANK: 1_500_000,
        accounts.pending(merchant_id): -1_477_500,
        accounts.FEES: -22_500,
    }


def test_the_same_movement_three_times_changes_nothing() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    row = story.row(150_000, intent.code)
    first = story.bank_says(row)
    events = len(story.log())
    assert [story.bank_says(row).subject for _ in range(3)] == [first.subject] * 3
    assert len(story.log()) == events


def test_a_later_report_may_be_the_first_to_tell_the_balance_and_makes_no_second_line() -> None:
    story = Story()
    row = story.row(150_000, "chuyen tien")
    receipt = story.bank_says(row)
    books = story.books()
    told = msgspec.structs.replace(row, source="history", balance_after=dong(1_150_000))
    assert [story.bank_says(told).subject for _ in range(2)] == [receipt.subject] * 2
    assert line(story, receipt.subject).balance_after == dong(1_150_000)
    assert story.names(receipt.subject).count("statement_line.balance_told") == 1
    assert story.books() == books


def test_a_code_split_glued_or_in_lower_case_is_still_found() -> None:
    for mangle in (
        lambda code: f"{code[:12]} {code[12:]} CT tu 1012345678",
        lambda code: f"MBVCB.41252.{code}GD334455",
        lambda code: code.lower(),
        lambda code: ".".join(code),
    ):
        story = Story()
        intent = story.intent(story.merchant(), 150_000)
        story.bank_says(story.row(150_000, mangle(intent.code)))
        assert story.payment(intent.id).status == "paid"


@pytest.mark.parametrize(
    ("units", "status"), [(149_999, "underpaid"), (150_000, "paid"), (150_001, "overpaid"), (1, "underpaid")]
)
def test_what_comes_decides_the_status(units: int, status: str) -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    story.bank_says(story.row(units, intent.code))
    assert story.payment(intent.id).status == status


def test_the_rest_of_an_underpaid_intent_makes_it_paid_and_a_second_payment_overpaid() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    statuses = []
    for units in (100_000, 50_000, 150_000):
        story.bank_says(story.row(units, intent.code))
        statuses.append(story.payment(intent.id).status)
    assert statuses == ["underpaid", "paid", "overpaid"]
    assert story.payment(intent.id).received.units == 300_000


@pytest.mark.parametrize("memo", ["", "chuyen tien", "SOCAI22222222", "SP2222222222222"])
def test_a_credit_without_a_valid_code_waits_unidentified(memo: str) -> None:
    story = Story()
    receipt = story.bank_says(story.row(150_000, memo))
    assert (line(story, receipt.subject).status, line(story, receipt.subject).reason) == ("unmatched", "no_code")
    assert story.books() == {BANK: 150_000, accounts.UNIDENTIFIED: -150_000}


def test_two_different_codes_are_for_people_to_decide() -> None:
    story = Story()
    merchant_id = story.merchant()
    first, second = story.intent(merchant_id, 150_000), story.intent(merchant_id, 150_000)
    receipt = story.bank_says(story.row(150_000, f"{first.code} {second.code}"))
    assert line(story, receipt.subject).reason == "several_codes"
    assert {story.payment(first.id).status, story.payment(second.id).status} == {"awaiting"}


def test_money_after_the_end_is_late_and_waits_unidentified() -> None:
    story = Story()
    merchant_id = story.merchant()
    intent = story.intent(merchant_id, 150_000)
    story.when(CancelPaymentIntent(merchant_id=merchant_id, payment_intent_id=intent.id, reason="sold out"))
    receipt = story.bank_says(story.row(150_000, intent.code))
    assert line(story, receipt.subject).reason == "late"
    assert story.names(intent.id)[-1] == "payment_intent.received_late"
    assert story.books() == {BANK: 150_000, accounts.UNIDENTIFIED: -150_000}


def test_a_credit_on_another_of_our_accounts_is_not_taken_for_the_intent() -> None:
    story = Story()
    intent = story.intent(story.merchant(), 150_000)
    receipt = story.bank_says(story.row(150_000, intent.code, bank_account_id="ba_other"))
    assert line(story, receipt.subject).reason == "other_bank_account"


def test_an_unmatched_credit_is_matched_by_hand_with_a_reason_and_only_once() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=100)
    intent = story.intent(merchant_id, 150_000)
    receipt = story.bank_says(story.row(150_000, "quen ghi ma"))
    match = MatchStatementLine(line_id=receipt.subject, payment_intent_id=intent.id, reason="the payer called")
    with pytest.raises(ReasonMissing):
        story.when(MatchStatementLine(line_id=receipt.subject, payment_intent_id=intent.id, reason=" "))
    story.when(match)
    assert story.payment(intent.id).status == "paid"
    assert story.books() == {BANK: 150_000, accounts.pending(merchant_id): -148_500, accounts.FEES: -1_500}
    with pytest.raises(StatementLineOwned):
        story.when(match)


def test_a_debit_nobody_ordered_stands_as_unidentified_and_rings_an_alarm() -> None:
    story = Story()
    receipt = story.bank_says(story.row(11_000, "PHI DICH VU", direction="debit"))
    assert story.books() == {BANK: -11_000, accounts.UNIDENTIFIED: 11_000}
    assert [e.name for e in story.log()][-1] == "alarm.raised"
    story.when(ExplainBankFee(line_id=receipt.subject, reason="monthly fee"))
    assert story.books() == {BANK: -11_000, accounts.BANK_FEES: 11_000}


def test_the_news_of_a_payout_ends_the_same_in_every_order() -> None:
    ends = set()
    for order in permutations(range(3)):
        story = Story()
        merchant_id = story.funded(2_000_000)
        payout = story.submitted(merchant_id, 1_000_000)
        debit = story.row(1_000_000, f"{payout.end_to_end_id} luong", direction="debit", reference="TT1")
        news = [
            RecordPayoutAccepted(payout_id=payout.id, bank_reference="4711"),
            RecordPayoutExecuted(payout_id=payout.id, bank_reference="4711"),
            debit,
        ]
        for index in order:
            story.when(news[index])
            story.when(news[index])
        end = story.payout(payout.id)
        ends.add((end.status, story.available(merchant_id), tuple(sorted(story.books().items()))))
    assert ends == {
        (
            "confirmed",
            996_700,
            tuple(sorted({BANK: 1_000_000, accounts.available(merchant_id): -996_700, accounts.FEES: -3_300}.items())),
        )
    }


def test_a_second_debit_under_the_same_id_is_a_debit_nobody_ordered() -> None:
    story = Story()
    merchant_id = story.funded(3_000_000)
    payout = story.submitted(merchant_id, 1_000_000)
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit"))
    twice = story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit"))
    assert line(story, twice.subject).reason == "unordered"
    assert story.books()[accounts.UNIDENTIFIED] == 1_000_000


def test_a_debit_of_another_amount_does_not_confirm_a_payout() -> None:
    story = Story()
    payout = story.submitted(story.funded(2_000_000), 1_000_000)
    story.bank_says(story.row(1_000_001, payout.end_to_end_id, direction="debit"))
    assert story.payout(payout.id).status == "submitted"


def test_a_payout_recorded_as_failed_that_the_statement_shows_becomes_confirmed_and_may_overdraw() -> None:
    story = Story()
    merchant_id = story.funded(1_003_300)
    payout = story.submitted(merchant_id, 1_000_000)
    story.when(RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x"))
    other = story.requested(merchant_id, 1_000_000)
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit"))
    assert story.payout(payout.id).status == "confirmed"
    assert story.available(merchant_id) == -1_003_300
    raised = [e.event.kind for e in story.log() if e.name == "alarm.raised"]  # type: ignore[attr-defined]
    assert raised == ["confirmed_after_failure", "negative_available"]
    story.when(CancelPayout(merchant_id=merchant_id, payout_id=other.id, reason="no funds"))
    assert story.available(merchant_id) == 0
    assert story.books() == {BANK: 3_300, accounts.FEES: -3_300}


def test_money_of_a_payout_that_comes_back_is_available_again_whatever_came_first() -> None:
    ends = set()
    for back_first in (False, True):
        story = Story()
        merchant_id = story.funded(2_000_000)
        payout = story.submitted(merchant_id, 1_000_000)
        out = story.row(1_000_000, payout.end_to_end_id, direction="debit", reference="OUT")
        back = story.row(1_000_000, f"HOAN TIEN {payout.end_to_end_id}", reference="BACK")
        for row in (back, out) if back_first else (out, back):
            story.bank_says(row)
        ends.add((story.payout(payout.id).status, story.available(merchant_id), tuple(sorted(story.books().items()))))
    assert len(ends) == 1
    assert next(iter(ends))[:2] == ("returned", 1_996_700)


def test_our_id_in_the_banks_own_field_counts_before_the_text() -> None:
    story = Story()
    merchant_id = story.funded(2_000_000)
    payout = story.submitted(merchant_id, 1_000_000)
    row = story.row(1_000_000, "CHI HO", direction="debit")
    story.bank_says(msgspec.structs.replace(row, end_to_end_id=payout.end_to_end_id))
    assert story.payout(payout.id).status == "confirmed"


@pytest.mark.parametrize("failed", [False, True])
def test_a_debit_that_lost_our_id_is_given_to_its_payout_by_hand(failed: bool) -> None:
    story = Story()
    merchant_id = story.funded(2_000_000)
    payout = story.submitted(merchant_id, 1_000_000)
    if failed:
        story.when(RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x"))
    receipt = story.bank_says(story.row(1_000_000, "CHI HO", direction="debit"))
    match = MatchPayoutLine(line_id=receipt.subject, payout_id=payout.id, reason="the bank says so on the telephone")
    story.when(match)
    assert story.payout(payout.id).status == "confirmed"
    assert story.books() == {BANK: 1_000_000, accounts.available(merchant_id): -996_700, accounts.FEES: -3_300}
    with pytest.raises(StatementLineOwned):
        story.when(match)


def test_a_debit_is_given_to_no_payout_that_cannot_be_its_own() -> None:
    story = Story()
    merchant_id = story.funded(2_000_000)
    never_sent, other = story.requested(merchant_id, 11_000), story.submitted(merchant_id, 12_000)
    receipt = story.bank_says(story.row(11_000, "CHI HO", direction="debit"))
    for payout in (never_sent, other):
        with pytest.raises(PayoutStateConflict):
            story.when(MatchPayoutLine(line_id=receipt.subject, payout_id=payout.id, reason="it looks like it"))


@pytest.mark.parametrize("original_comes", [False, True])
def test_a_reversal_is_given_to_nobody_by_hand(original_comes: bool) -> None:
    story = Story()
    intent = story.intent(story.merchant(), 500)
    for direction in ("credit", "debit"):
        reversal = story.row(500, "x", direction=direction, reference=f"R{direction}", is_reversal=True)
        receipt = story.bank_says(reversal)
        if original_comes:
            other: Direction = "debit" if direction == "credit" else "credit"
            story.bank_says(story.row(500, "x", direction=other, reference=f"R{direction}"))
            assert line(story, receipt.subject).status == "matched"
        for command in (
            MatchStatementLine(line_id=receipt.subject, payment_intent_id=intent.id, reason="so it seems"),
            ExplainBankFee(line_id=receipt.subject, reason="so it seems"),
        ):
            with pytest.raises(StatementLineOwned):
                story.when(command)
    assert story.books() == {}


def test_a_settlement_that_takes_available_below_zero_rings_an_alarm_each_time() -> None:
    story = Story()
    for number in range(2):
        merchant_id = story.merchant(fee_bps=0, payout_fee=0)
        intent = story.intent(merchant_id, 500)
        story.bank_says(story.row(500, intent.code, reference=f"R{number}"))
        for _ in range(2):
            settled = story.when(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=(intent.id,)))
            story.when(ReleaseSettlement(settlement_id=settled.subject))
            if story.payment(intent.id).received.units:
                story.submitted(merchant_id, 500)
                story.bank_says(story.row(500, intent.code, reference=f"R{number}", is_reversal=True))
                story.passes(minutes=1)
    raised = [e.event.kind for e in story.log() if e.name == "alarm.raised"]  # type: ignore[attr-defined]
    assert raised == ["negative_available", "negative_available"]


def test_a_person_is_known_by_the_account_number_whoever_tells_of_it() -> None:
    story = Story()
    merchant_id = story.funded(2_000_000)
    payout = story.submitted(merchant_id, 1_000_000)
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit", reference="OUT"))
    back = story.row(5, "tra lai")
    receipt = story.bank_says(msgspec.structs.replace(back, counterparty_account=Personal("0001234567890")))
    sealed = line(story, receipt.subject).counterparty_account
    assert sealed is not None
    assert sealed.person == payout.beneficiary_account.person


def test_a_payout_that_failed_by_our_books_and_went_out_and_came_back_ends_the_same_in_every_order() -> None:
    ends = set()
    for back_first in (False, True):
        story = Story()
        merchant_id = story.funded(2_000_000)
        payout = story.submitted(merchant_id, 1_000_000)
        story.when(RecordPayoutDeclined(payout_id=payout.id, reason="refused", bank_code="x"))
        out = story.row(1_000_000, payout.end_to_end_id, direction="debit", reference="OUT")
        back = story.row(1_000_000, f"HOAN TIEN {payout.end_to_end_id}", reference="BACK")
        for row in (back, out) if back_first else (out, back):
            story.bank_says(row)
        ends.add((story.payout(payout.id).status, story.available(merchant_id), tuple(sorted(story.books().items()))))
    assert len(ends) == 1
    assert next(iter(ends))[:2] == ("returned", 1_996_700)


def test_a_reversed_credit_takes_the_payment_back_whatever_came_first() -> None:
    for word in ("credit", "debit"):
        balances = set()
        for reversal_first in (False, True):
            story = Story()
            merchant_id = story.merchant(fee_bps=100)
            intent = story.intent(merchant_id, 150_000)
            credit = story.row(150_000, intent.code, reference="R1")
            reversal = story.row(150_000, intent.code, direction=word, reference="R1", is_reversal=True)
            if reversal_first and word == "credit":
                continue  # without the original on record nobody can know that the word repeats its direction
            for row in (reversal, credit) if reversal_first else (credit, reversal):
                story.bank_says(row)
                story.bank_says(row)
            assert story.payment(intent.id).status == "awaiting"
            assert story.payment(intent.id).received.units == 0
            balances.add(tuple(story.books().items()))
        assert balances == {()}


def test_a_reversal_under_a_reference_of_its_own_is_known_by_the_code_in_its_text() -> None:
    story = Story()
    intent = story.intent(story.merchant(fee_bps=100), 150_000)
    story.bank_says(story.row(100_000, intent.code, reference="R1"))
    story.bank_says(story.row(50_000, intent.code, reference="R2"))
    story.bank_says(story.row(50_000, f"HUY {intent.code}", direction="debit", reference="R3", is_reversal=True))
    assert story.payment(intent.id).status == "underpaid"
    assert story.payment(intent.id).received.units == 100_000
    assert story.books()[BANK] == 100_000


def test_a_payout_taken_back_under_a_reference_of_its_own_is_returned() -> None:
    story = Story()
    merchant_id = story.funded(2_000_000)
    payout = story.submitted(merchant_id, 1_000_000)
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit", reference="D1"))
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="credit", reference="D2", is_reversal=True))
    assert story.payout(payout.id).status == "returned"
    assert story.books()[BANK] == 2_000_000


def test_a_reversal_of_settled_money_is_taken_from_the_next_settlement() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=0)
    intent = story.intent(merchant_id, 150_000)
    story.bank_says(story.row(150_000, intent.code, reference="R1"))
    first = story.when(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=(intent.id,)))
    story.when(ReleaseSettlement(settlement_id=first.subject))
    story.bank_says(story.row(150_000, intent.code, reference="R1", is_reversal=True))
    assert story.books()[accounts.pending(merchant_id)] == 150_000
    second = story.when(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=(intent.id,)))
    story.when(ReleaseSettlement(settlement_id=second.subject))
    assert story.available(merchant_id) == 0
    assert story.books() == {}


def test_a_bank_that_takes_back_the_debit_of_a_payout_returns_it() -> None:
    story = Story()
    merchant_id = story.funded(2_000_000)
    payout = story.submitted(merchant_id, 1_000_000)
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit", reference="D1"))
    story.bank_says(story.row(1_000_000, payout.end_to_end_id, direction="debit", reference="D1", is_reversal=True))
    assert story.payout(payout.id).status == "returned"
    assert story.available(merchant_id) == 1_996_700
    assert story.books()[BANK] == 2_000_000


def test_a_reversal_of_nothing_we_know_is_kept_with_an_alarm() -> None:
    story = Story()
    receipt = story.bank_says(story.row(150_000, "x", is_reversal=True))
    assert line(story, receipt.subject).reason == "reversal_without_original"
    assert story.log()[-1].name == "alarm.raised"
    assert story.books() == {BANK: 150_000, accounts.UNIDENTIFIED: -150_000}


def test_nothing_personal_of_a_line_stands_in_the_log_in_the_clear() -> None:
    story = Story()
    receipt = story.bank_says(story.row(150_000, "NGUYEN VAN ANH chuyen tien"))
    stored = story.ledger.recorder.select_notifications(start=1, limit=1000)
    for secret in (b"NGUYEN", b"1012345678", b"chuyen tien"):
        assert not any(secret in row.state for row in stored)
    assert story.ledger.vault.open(line(story, receipt.subject).memo) == "NGUYEN VAN ANH chuyen tien"


def test_a_row_of_a_bank_becomes_the_command() -> None:
    story = Story()
    command = story.row(5, "memo")

    class Row:
        bank_reference = command.bank_reference
        direction = command.direction
        amount = command.amount
        booked_at = command.booked_at
        bank_time = command.bank_time
        value_date = command.value_date
        memo = "memo"
        counterparty_name = "NGUYEN VAN ANH"
        counterparty_account = "1012345678"
        counterparty_bank = "970415"
        source = "webhook"
        reversal = False
        end_to_end_id = None
        balance_after = dong(1_150_000)
        movement_key = command.key

    made: RecordStatementLine = from_bank(BANK_ACCOUNT, Row())
    assert made == msgspec.structs.replace(command, balance_after=dong(1_150_000))
