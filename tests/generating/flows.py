"""What customers and banks do, told once through the commands: each flow is one way a payment or a payout may go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from eventsourcing.persistence import Notification

from commands import Command
from commands.merchants import AddWebhookEndpoint
from commands.payments import CancelPaymentIntent, ExpirePaymentIntent
from commands.payouts import (
    ApprovePayout,
    CancelPayout,
    EscalatePayout,
    RecordPayoutAccepted,
    RecordPayoutDeclined,
    RecordPayoutExecuted,
    RecordPayoutNotFound,
    RecordPayoutUnknown,
    RejectPayout,
    SubmitPayout,
)
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.statements import ExplainBankFee, MatchStatementLine
from commands.webhooks import RecordWebhookDelivered, RecordWebhookFailed
from ledger.merchants import Merchant
from ledger.payments import PaymentIntent
from ledger.privacy import Personal
from ledger.webhook_deliveries import LADDER, id_of_delivery
from tests.generating.templates import Template
from tests.story import BANK_ACCOUNT, Story

BANK: Final = BANK_ACCOUNT.encode()
"""The bank account of the merchant of the flows."""
GIVEN_UP: Final = len(LADDER) + 1
"""So many failures end a delivery."""
ENOUGH: Final = 1_000_000_000
"""What the merchant of the flows has available, so that no payout is refused."""


class Recording:
    """A story whose commands are kept step by step."""

    def __init__(self) -> None:
        self.story = Story()
        self.merchant = self.story.merchant()
        intent = self.story.intent(self.merchant, ENOUGH)
        self.story.bank_says(self.story.row(ENOUGH, intent.code))
        settlement = self.story.when(CloseSettlement(merchant_id=self.merchant, payment_intent_ids=(intent.id,)))
        self.story.when(ReleaseSettlement(settlement_id=settlement.subject))
        self._seen = self._head()
        self.steps: list[tuple[datetime, list[Notification]]] = []

    def do(self, command: Command, actor: str = "operator:linh", wait_s: float = 0) -> str:
        """One command, after a while; its subject's id."""
        self.story.passes(seconds=wait_s)
        subject = self.story.when(command, actor=actor).subject
        self.keep()
        return subject

    def keep(self) -> None:
        """What was stored since the step before is one step."""
        found = list(self.story.ledger.recorder.select_notifications(start=self._seen + 1, limit=1_000))
        if found:
            self.steps.append((self.story.now, found))
            self._seen = found[-1].id

    def _head(self) -> int:
        return len(self.story.log())

    def created(self, units: int, expires_s: float | None = None) -> PaymentIntent:
        """A payment intent."""
        until = None if expires_s is None else self.story.now + timedelta(seconds=expires_s)
        intent = self.story.intent(self.merchant, units, until)
        self.keep()
        return intent

    def credit(self, units: int, memo: str, wait_s: float, reference: str = "", is_reversal: bool = False) -> str:
        """The bank tells of money that came, or of one it takes back; the line."""
        self.story.passes(seconds=wait_s)
        return self.do(self.story.row(units, memo, reference=reference, is_reversal=is_reversal), "bank:acb")

    def debit(self, units: int, memo: str, wait_s: float) -> str:
        """The bank tells of money that left; the line."""
        self.story.passes(seconds=wait_s)
        return self.do(self.story.row(units, memo, direction="debit", source="statement"), "bank:acb")


class Flow(NamedTuple):
    """One way things go; `weight`: in ten thousand; `pays`: whether it ends with an intent to be settled."""

    name: str
    weight: int
    tell: Callable[[Recording, int], None]
    pays: bool = False


def _paid(story: Recording, units: int) -> None:
    story.credit(units, f"thanh toan {story.created(units).code}", 190)


def _paid_in_two(story: Recording, units: int) -> None:
    intent = story.created(units)
    story.credit(units // 2, f"tt {intent.code}", 150)
    story.credit(units - units // 2, f"con lai {intent.code}", 1_200)


def _overpaid(story: Recording, units: int) -> None:
    story.credit(units + 5_000, story.created(units).code, 300)


def _underpaid(story: Recording, units: int) -> None:
    story.credit(units - 5_000, story.created(units).code, 300)


def _expired(story: Recording, units: int) -> None:
    intent = story.created(units, 900)
    story.do(ExpirePaymentIntent(payment_intent_id=intent.id), "worker:payments", 930)


def _late(story: Recording, units: int) -> None:
    intent = story.created(units, 900)
    story.do(ExpirePaymentIntent(payment_intent_id=intent.id), "worker:payments", 930)
    story.credit(units, intent.code, 400)


def _cancelled(story: Recording, units: int) -> None:
    intent = story.created(units)
    command = CancelPaymentIntent(merchant_id=story.merchant, payment_intent_id=intent.id, reason="khách đổi ý")
    story.do(command, f"merchant:{story.merchant}/key:shop", 600)


def _taken_back(story: Recording, units: int) -> None:
    story.credit(units, story.created(units).code, 200, reference="FT26330001")
    story.credit(units, "hoan tra", 7_200, reference="FT26330001", is_reversal=True)


def _without_code(story: Recording, units: int) -> None:
    story.credit(units, "chuyen tien hang", 0)


def _by_hand(story: Recording, units: int) -> None:
    intent = story.created(units)
    line = story.credit(units, "quen ma", 240)
    story.do(MatchStatementLine(line_id=line, payment_intent_id=intent.id, reason="khách gọi"), wait_s=5_400)


def _not_ours(story: Recording, units: int) -> None:
    story.debit(units, "rut tien", 0)


def _bank_fee(story: Recording, units: int) -> None:
    line = story.debit(11_000, "phi duy tri", 0)
    story.do(ExplainBankFee(line_id=line, reason="phí tháng 11"), wait_s=7_200)


def _asked(story: Recording, units: int) -> str:
    payout = story.story.requested(story.merchant, units)
    story.keep()
    return payout.id


def _sent(story: Recording, units: int) -> str:
    payout_id = _asked(story, units)
    story.do(ApprovePayout(merchant_id=story.merchant, payout_id=payout_id), wait_s=600)
    story.do(SubmitPayout(payout_id=payout_id), "worker:payouts", 1)
    return payout_id


def _paid_out(story: Recording, units: int) -> None:
    payout_id = _sent(story, units)
    story.do(RecordPayoutAccepted(payout_id=payout_id, bank_reference="8801"), "worker:payouts", 1)
    story.do(RecordPayoutExecuted(payout_id=payout_id, bank_reference="8801"), "worker:payouts", 60)
    story.debit(units, story.story.payout(payout_id).end_to_end_id, 240)


def _found_out(story: Recording, units: int) -> None:
    payout_id = _sent(story, units)
    story.do(RecordPayoutUnknown(payout_id=payout_id, why="time-out"), "worker:payouts", 30)
    story.debit(units, story.story.payout(payout_id).end_to_end_id, 900)


def _declined(story: Recording, units: int) -> None:
    payout_id = _sent(story, units)
    command = RecordPayoutDeclined(payout_id=payout_id, reason="account_closed", bank_code="14")
    story.do(command, "worker:payouts", 2)


def _never_arrived(story: Recording, units: int) -> None:
    payout_id = _sent(story, units)
    story.do(RecordPayoutUnknown(payout_id=payout_id, why="time-out"), "worker:payouts", 30)
    for _ in range(3):
        story.story.passes(minutes=10)
        now = story.story.now
        command = RecordPayoutNotFound(payout_id=payout_id, final_after=timedelta(minutes=5), statement_read_at=now)
        story.do(command, "worker:payouts")


def _asked_about_in_vain(story: Recording, units: int) -> None:
    payout_id = _sent(story, units)
    story.do(RecordPayoutUnknown(payout_id=payout_id, why="time-out"), "worker:payouts", 30)
    story.do(EscalatePayout(payout_id=payout_id, why="24 hours"), "worker:payouts", 86_400)


def _came_back(story: Recording, units: int) -> None:
    _paid_out(story, units)
    payout_id = str(story.steps[0][1][0].originator_id)
    story.credit(units, f"hoan tra {story.story.payout(payout_id).end_to_end_id}", 86_400)


def _taken_off(story: Recording, units: int) -> None:
    payout_id = _asked(story, units)
    story.do(CancelPayout(merchant_id=story.merchant, payout_id=payout_id, reason="nhầm"), wait_s=300)


def _rejected(story: Recording, units: int) -> None:
    payout_id = _asked(story, units)
    story.do(RejectPayout(merchant_id=story.merchant, payout_id=payout_id, reason="sai tài khoản"), wait_s=900)


FLOWS: Final = (
    Flow("paid", 7_000, _paid, pays=True),
    Flow("paid in two", 90, _paid_in_two, pays=True),
    Flow("overpaid", 90, _overpaid, pays=True),
    Flow("paid by hand", 20, _by_hand, pays=True),
    Flow("underpaid", 110, _underpaid),
    Flow("expired", 900, _expired),
    Flow("late", 60, _late),
    Flow("cancelled", 300, _cancelled),
    Flow("taken back", 10, _taken_back),
    Flow("without code", 104, _without_code),
    Flow("debit that is not ours", 8, _not_ours),
    Flow("bank fee", 8, _bank_fee),
    Flow("paid out", 1_190, _paid_out),
    Flow("found out", 28, _found_out),
    Flow("declined", 38, _declined),
    Flow("never arrived", 10, _never_arrived),
    Flow("asked about in vain", 2, _asked_about_in_vain),
    Flow("came back", 6, _came_back),
    Flow("taken off", 6, _taken_off),
    Flow("rejected", 20, _rejected),
)
"""How things go, in ten thousand."""

UNITS: Final = (25_000, 49_000, 75_000, 99_000, 149_000, 199_000, 250_000, 320_000, 499_000, 1_250_000, 4_900_000)
"""Amounts, dong; each as often as the others."""


def recorded(flow: Flow, units: int) -> tuple[Recording, datetime]:
    """A flow by the commands, and when it began."""
    recording = Recording()
    begin = recording.story.now
    flow.tell(recording, units)
    return recording, begin


def registered() -> tuple[Template, bytes, bytes]:
    """A merchant begins, with one webhook endpoint; both."""
    recording = Recording()
    begin = recording.story.now
    recording.merchant = recording.story.merchant()
    recording.keep()
    add_endpoint(recording)
    endpoint = next(iter(recording.story.ledger.get(Merchant, recording.merchant).endpoints))
    return Template(recording.steps, begin, [BANK]), body_of(recording.merchant), body_of(endpoint)


def add_endpoint(recording: Recording) -> None:
    """The merchant wants to be told."""
    secret = Personal("whsec_x")
    recording.do(AddWebhookEndpoint(merchant_id=recording.merchant, url="https://shop.example/hook", secret=secret))


def settled(amounts: Sequence[int]) -> tuple[Recording, list[PaymentIntent], datetime]:
    """A settlement by the commands, of payments of these amounts, closed and released; and when it began."""
    recording = Recording()
    intents = [recording.created(units) for units in amounts]
    for intent in intents:
        recording.credit(intent.amount.units, intent.code, 1)
    recording.steps.clear()
    recording.story.passes(seconds=60)
    begin = recording.story.now
    ids = tuple(intent.id for intent in intents)
    closed = recording.do(CloseSettlement(merchant_id=recording.merchant, payment_intent_ids=ids), "worker:settlements")
    recording.do(ReleaseSettlement(settlement_id=closed), "worker:settlements", 600)
    return recording, intents, begin


class Delivery(NamedTuple):
    """A webhook on its way, and what in it is about the one who is told."""

    template: Template
    event: bytes
    merchant: bytes
    endpoint: bytes
    delivery: bytes


EVENT, ENDPOINT = "pi_AAAAAAAA@1", "we_" + "a" * 26


def told(failures: int) -> tuple[Recording, datetime]:
    """The delivery of a webhook by the commands, after some failures, the last of which may have ended it."""
    recording = Recording()
    begin = recording.story.now
    about = {"merchant_id": recording.merchant, "endpoint_id": ENDPOINT, "event_id": EVENT}
    for number in range(failures):
        failed = RecordWebhookFailed(http_status=503, why="status 503", **about)
        recording.do(failed, "worker:webhooks", LADDER[number - 1].total_seconds() if number else 2)
    if failures < GIVEN_UP:
        wait_s = LADDER[failures - 1].total_seconds() if failures else 2
        recording.do(RecordWebhookDelivered(http_status=204, **about), "worker:webhooks", wait_s)
    return recording, begin


def delivered(failures: int) -> Delivery:
    """The same, to be told of any event."""
    recording, begin = told(failures)
    template = Template(recording.steps, begin, [EVENT.encode()])
    delivery = body_of(id_of_delivery(EVENT, ENDPOINT))
    return Delivery(template, EVENT.encode(), body_of(recording.merchant), body_of(ENDPOINT), delivery)


def body_of(id_: str) -> bytes:
    """What stands behind the prefix of an id."""
    return id_.partition("_")[2].encode()
