"""One story in which everything happens that the read models can show, told through commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from commands.completeness import RecordBankBalance, RecordCompleteness
from commands.merchants import AddWebhookEndpoint, RemoveWebhookEndpoint
from commands.notices import CloseContractDrift, KeepUnreadableNotice, RecordNoticeReplayed
from commands.payments import CancelPaymentIntent, ExpirePaymentIntent
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
    SubmitPayout,
)
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.statements import ExplainBankFee, MatchStatementLine, RecordStatementLine, line_of
from commands.webhooks import RecordWebhookDelivered, RecordWebhookFailed
from ledger.alarms import drift_of
from ledger.completeness import BY_ENQUIRY, BY_RUNNING_BALANCE, Checkpoint, Hole, Judgement, Proof
from ledger.ids import of_event
from ledger.merchants import Merchant
from ledger.payouts import Payout
from ledger.privacy import Personal
from tests.story import BANK_ACCOUNT, Story, dong


@dataclass
class Tale:
    """What came of it: ids by a word for each."""

    story: Story
    merchant: str = ""
    quiet: str = ""
    endpoint: str = ""
    payments: dict[str, str] = field(default_factory=dict)
    payouts: dict[str, str] = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    settlements: list[str] = field(default_factory=list)

    def says(self, word: str, row: RecordStatementLine) -> None:
        """The bank reports a movement, to be remembered under this word."""
        self.story.passes(seconds=7)
        self.story.bank_says(row)
        self.lines[word] = line_of(row)


def tell(story: Story) -> Tale:
    """The whole story: money in in every way, settled, money out in every way, merchants told of it."""
    tale = Tale(story)
    tale.merchant = story.merchant()
    tale.quiet = story.funded(2_000_000, approvals=0)
    tale.endpoint = _endpoint(story, tale.merchant)
    _money_in(tale)
    _money_in_unclear(tale)
    _settled(tale)
    _money_out(tale)
    _money_out_unclear(tale)
    _money_out_late(tale)
    _told(tale)
    _watched(tale)
    return tale


def _endpoint(story: Story, merchant_id: str) -> str:
    command = AddWebhookEndpoint(merchant_id=merchant_id, url="https://shop.example/hook", secret=Personal("whsec_x"))
    story.when(command)
    return next(reversed(story.ledger.get(Merchant, merchant_id).endpoints))


def _money_in(tale: Tale) -> None:
    story = tale.story
    for word, units in (("exact", 100_000), ("over", 120_000), ("twice", 150_000), ("under", 80_000)):
        intent = story.intent(tale.merchant, 100_000 if word != "twice" else 300_000)
        tale.payments[word] = intent.id
        tale.says(word, story.row(units, f"thanh toan {intent.code}"))
        if word == "twice":
            tale.says("second", story.row(units, intent.code))
    waiting = story.intent(tale.merchant, 40_000)
    tale.payments["awaiting"] = waiting.id
    cancelled = story.intent(tale.merchant, 40_000)
    tale.payments["cancelled"] = cancelled.id
    story.when(CancelPaymentIntent(merchant_id=tale.merchant, payment_intent_id=cancelled.id, reason="khách đổi ý"))
    late = story.intent(tale.merchant, 50_000, story.now + timedelta(minutes=15))
    tale.payments["late"] = late.id
    story.passes(minutes=16)
    story.when(ExpirePaymentIntent(payment_intent_id=late.id))
    tale.says("late", story.row(50_000, late.code))
    tale.payments["due"] = story.intent(tale.merchant, 60_000, story.now + timedelta(minutes=5)).id


def _money_in_unclear(tale: Tale) -> None:
    story = tale.story
    taken_back = story.intent(tale.merchant, 70_000)
    tale.payments["taken back"] = taken_back.id
    row = story.row(70_000, taken_back.code, reference="FT1")
    tale.says("taken back", row)
    tale.says("reversal", story.row(70_000, "hoan", reference="FT1", is_reversal=True))
    tale.says("reversal of nothing", story.row(11_000, "hoan", reference="FT2", is_reversal=True))
    tale.says("no code", story.row(33_000, "chuyen tien"))
    tale.says("by hand", story.row(25_000, "quen ma"))
    by_hand = story.intent(tale.merchant, 25_000)
    tale.payments["by hand"] = by_hand.id
    command = MatchStatementLine(line_id=tale.lines["by hand"], payment_intent_id=by_hand.id, reason="khách gọi")
    story.when(command)
    tale.says("fee", story.row(2_200, "phi duy tri", direction="debit"))
    story.when(ExplainBankFee(line_id=tale.lines["fee"], reason="phí tháng 11"))
    tale.says("unordered", story.row(9_900, "rut tien", direction="debit"))
    alone = story.row(4_400, "so du sau", reference="FT3")
    tale.says("balance later", alone)
    tale.says("balance later", msgspec.structs.replace(alone, balance_after=dong(5_004_400)))
    notice = KeepUnreadableNotice(
        bank_account_id=BANK_ACCOUNT, body_digest="ab" * 32, body=Personal("e30="), reason="không đọc được"
    )
    story.when(notice, actor="bank:acb")
    _drifted(story)


def _drifted(story: Story) -> None:
    """Something of another shape, read in the end."""
    drift = drift_of("acb", "webhook", "amount")
    notice = KeepUnreadableNotice(
        bank_account_id=BANK_ACCOUNT, body_digest="cd" * 32, body=Personal("e30="), reason="thiếu số tiền", drift=drift
    )
    kept = story.when(notice, actor="bank:acb")
    story.when(RecordNoticeReplayed(notice_id=kept.subject, lines=0))
    story.when(CloseContractDrift(drift=drift))


def _settled(tale: Tale) -> None:
    story = tale.story
    words = ("exact", "over", "twice", "under")
    ids = tuple(tale.payments[word] for word in words)
    closed = story.when(CloseSettlement(merchant_id=tale.merchant, payment_intent_ids=ids)).subject
    story.passes(minutes=1)
    story.when(ReleaseSettlement(settlement_id=closed))
    by_hand = (tale.payments["by hand"],)
    waiting = story.when(CloseSettlement(merchant_id=tale.merchant, payment_intent_ids=by_hand)).subject
    tale.settlements = [closed, waiting]


def _pay(tale: Tale, word: str, units: int) -> Payout:
    tale.story.passes(seconds=3)
    payout = tale.story.submitted(tale.merchant, units)
    tale.payouts[word] = payout.id
    return payout


def _money_out(tale: Tale) -> None:
    story = tale.story
    tale.payouts["requested"] = story.requested(tale.merchant, 10_000).id
    rejected = tale.payouts["rejected"] = story.requested(tale.merchant, 10_000).id
    story.when(RejectPayout(merchant_id=tale.merchant, payout_id=rejected, reason="sai tài khoản"))
    cancelled = tale.payouts["cancelled"] = story.requested(tale.merchant, 10_000).id
    story.when(CancelPayout(merchant_id=tale.merchant, payout_id=cancelled, reason="nhầm"))
    approved = tale.payouts["approved"] = story.requested(tale.merchant, 10_000).id
    story.when(ApprovePayout(merchant_id=tale.merchant, payout_id=approved))
    tale.payouts["by policy"] = story.requested(tale.quiet, 10_000).id
    confirmed = _pay(tale, "confirmed", 11_000)
    story.when(RecordPayoutAccepted(payout_id=confirmed.id, bank_reference="8801"))
    story.when(RecordPayoutExecuted(payout_id=confirmed.id, bank_reference="8801"))
    tale.says("confirms", story.row(11_000, confirmed.end_to_end_id, direction="debit"))
    accepted = _pay(tale, "accepted", 12_000)
    story.when(RecordPayoutAccepted(payout_id=accepted.id, bank_reference="8802"))
    _pay(tale, "submitted", 13_000)
    again = _pay(tale, "sent again", 14_000)
    story.when(RecordPayoutNotSent(payout_id=again.id, attempt=1, why="connection refused"))
    story.passes(minutes=1)
    story.when(SubmitPayout(payout_id=again.id), actor="worker:pay")


def _money_out_unclear(tale: Tale) -> None:
    story = tale.story
    unknown = _pay(tale, "unknown", 15_000)
    story.when(RecordPayoutUnknown(payout_id=unknown.id, why="time-out"))
    story.when(EscalatePayout(payout_id=unknown.id, why="24 hours"))
    failed = _pay(tale, "failed", 16_000)
    story.when(RecordPayoutDeclined(payout_id=failed.id, reason="account_closed", bank_code="14"))
    never = _pay(tale, "not found", 17_000)
    for _ in range(3):
        story.passes(minutes=10)
        command = RecordPayoutNotFound(
            payout_id=never.id, final_after=timedelta(minutes=5), statement_read_at=story.now
        )
        story.when(command)
    declined = _pay(tale, "declined late", 18_000)
    story.when(RecordPayoutAccepted(payout_id=declined.id, bank_reference="8803"))
    story.when(RecordPayoutDeclined(payout_id=declined.id, reason="invalid_account", bank_code="25"))


def _money_out_late(tale: Tale) -> None:
    story = tale.story
    returned = _pay(tale, "returned", 19_000)
    tale.says("sent", story.row(19_000, returned.end_to_end_id, direction="debit"))
    tale.says("came back", story.row(19_000, f"hoan tra {returned.end_to_end_id}"))
    after_all = _pay(tale, "after all", 21_000)
    story.when(RecordPayoutDeclined(payout_id=after_all.id, reason="refused", bank_code="05"))
    tale.says("after all", story.row(21_000, after_all.end_to_end_id, direction="debit"))


def _watched(tale: Tale) -> None:
    story, at = tale.story, tale.story.now
    hole = Hole(hole_id="hole_tale", seen_by=BY_RUNNING_BALANCE, since=at, until=at, missing=dong(7_000))
    later = msgspec.structs.replace(hole, hole_id="hole_open", seen_by=BY_ENQUIRY, missing=dong(-500))
    proof = Proof(at, at, Checkpoint(at, dong(5_000_000)))
    story.when(RecordBankBalance(bank_account_id=BANK_ACCOUNT, balance=dong(5_000_000), as_of=at))
    for judgement in (Judgement(holes=(hole,)), Judgement(proof=proof, holes=(later,))):
        story.passes(minutes=5)
        story.when(RecordCompleteness(bank_account_id=BANK_ACCOUNT, judgement=judgement), actor="worker:completeness")


def _told(tale: Tale) -> None:
    story = tale.story
    first, second = (of_event(tale.payments["exact"], version) for version in (1, 2))
    about = {"merchant_id": tale.merchant, "endpoint_id": tale.endpoint}
    failed = RecordWebhookFailed(event_id=first, http_status=500, why="status 500", **about)
    for _ in range(2):
        story.when(failed, actor="worker:webhooks")
    story.when(RecordWebhookDelivered(event_id=first, http_status=204, **about), actor="worker:webhooks")
    for _ in range(11):
        command = RecordWebhookFailed(event_id=second, http_status=None, why="no answer", **about)
        story.when(command, actor="worker:webhooks")
    removed = _endpoint(story, tale.merchant)
    story.intent(tale.merchant, 1_000)
    story.when(RemoveWebhookEndpoint(merchant_id=tale.merchant, endpoint_id=removed))
    story.intent(tale.merchant, 2_000)
