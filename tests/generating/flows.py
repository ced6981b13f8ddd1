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
    RecordPayoutAccepted,
    RecordPayoutDeclined,
    RecordPayoutExecuted,
    RecordPayoutNotFound,
    RecordPayoutUnknown,
    RejectPayout,
    SubmitPayout,
)
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.webhooks import RecordWebhookDelivered, RecordWebhookFailed
from ledger.merchants import Merchant
from ledger.payments import PaymentIntent
from ledger.privacy import Personal
from tests.generating.templates import Template
from tests.story import Story

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

    def credit(self, units: int, memo: str, wait_s: float, reference: str = "", is_reversal: bool = False) -> None:
        """The bank tells of money that came, or of one it takes back."""
        self.story.passes(seconds=wait_s)
        self.do(self.story.row(units, memo, reference=reference, is_reversal=is_reversal), "bank:acb")

    def debit(self, units: int, memo: str, wait_s: float) -> None:
        """The bank tells of money that left."""
        self.story.passes(seconds=wait_s)
        self.do(self.story.row(units, memo, direction="debit", source="statement"), "bank:acb")


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


def _rejected(story: Recording, units: int) -> None:
    payout_id = _asked(story, units)
    story.do(RejectPayout(merchant_id=story.merchant, payout_id=payout_id, reason="sai tài khoản"), wait_s=900)


FLOWS: Final = (
    Flow("paid", 7_020, _paid, pays=True),
    Flow("paid in two", 90, _paid_in_two, pays=True),
    Flow("overpaid", 90, _overpaid, pays=True),
    Flow("underpaid", 110, _underpaid),
    Flow("expired", 900, _expired),
    Flow("late", 60, _late),
    Flow("cancelled", 300, _cancelled),
    Flow("taken back", 10, _taken_back),
    Flow("without code", 120, _without_code),
    Flow("paid out", 1_200, _paid_out),
    Flow("found out", 30, _found_out),
    Flow("declined", 40, _declined),
    Flow("never arrived", 10, _never_arrived),
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
    secret = Personal("whsec_x")
    recording.do(AddWebhookEndpoint(merchant_id=recording.merchant, url="https://shop.example/hook", secret=secret))
    endpoint = next(iter(recording.story.ledger.get(Merchant, recording.merchant).endpoints))
    return Template(recording.steps, begin), body_of(recording.merchant), body_of(endpoint)


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


def delivered(failures: int) -> tuple[Template, bytes, bytes, bytes]:
    """A webhook's delivery after some failures; event, merchant and endpoint in it."""
    recording = Recording()
    begin = recording.story.now
    event_id, endpoint = "pi_AAAAAAAA@1", "we_" + "a" * 26
    for number in range(failures + 1):
        about = {"merchant_id": recording.merchant, "endpoint_id": endpoint, "event_id": event_id}
        if number < failures:
            command: Command = RecordWebhookFailed(http_status=503, why="status 503", **about)
        else:
            command = RecordWebhookDelivered(http_status=204, **about)
        recording.do(command, "worker:webhooks", 2 * 4**number)
    template = Template(recording.steps, begin, [event_id.encode()])
    return template, event_id.encode(), body_of(recording.merchant), body_of(endpoint)


def body_of(id_: str) -> bytes:
    """What stands behind the prefix of an id."""
    return id_.partition("_")[2].encode()
