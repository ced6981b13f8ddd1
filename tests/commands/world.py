"""A small world for the invariants: two merchants, one bank, and every move anybody can make, in any order.

The bank of this world keeps a book of its own, so that ours can be compared with it after every move. Moves that make
no sense are refused by the commands or find nothing to act on; what the bank says is never refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from commands import Command, dispatch
from commands.payments import CancelPaymentIntent
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
from commands.settlements import CloseSettlement, ReleaseSettlement
from commands.statements import ExplainBankFee, MatchStatementLine, RecordStatementLine, line_of
from ledger import accounts, payouts
from ledger.accounts import Account
from ledger.aggregate import Aggregate, Snapshot, decode
from ledger.errors import Problem
from ledger.journal import JournalEntry
from ledger.payments import PaymentIntent
from ledger.payouts import Payout
from ledger.privacy import Personal
from ledger.settlements import Settlement
from ledger.statements import Direction, StatementLine
from tests.story import BANK_ACCOUNT, Story, dong

AMOUNTS = (1, 99, 50_000, 100_000, 149_999, 150_000)
"""Few and awkward, so that things meet: amounts of intents, payouts and movements alike."""


class Step(NamedTuple):
    """One move: which, and three numbers it may choose by."""

    move: str
    a: int
    b: int
    c: int


class World:
    """Takes steps. With `twice`, all that the bank says it says twice."""

    def __init__(self, *, twice: bool = False) -> None:
        self.story = Story()
        self.twice = twice
        self.merchants = [self.story.merchant(fee_bps=bps, payout_fee=fee) for bps, fee in ((0, 0), (175, 1_100))]
        self.intents: list[str] = []
        self.payouts: list[str] = []
        self.settlements: list[str] = []
        self.rows: list[RecordStatementLine] = []
        self.held_back: list[RecordStatementLine] = []
        self.bank_book: dict[str, int] = {}
        self.steps = 0

    def take(self, step: Step) -> None:
        """One move, 61 seconds after the last."""
        self.story.passes(seconds=61)
        self.steps += 1
        MOVES[step.move](self, step)

    def does(self, command: Command, actor: str = "operator:linh") -> str | None:
        """Dispatch a wish; None when it was refused."""
        try:
            return dispatch(self.story.ledger, command, self.story.context(actor, f"step_{self.steps}")).subject
        except Problem:
            return None

    def bank_says(self, command: Command) -> None:
        """Dispatch a fact: there is no refusing it."""
        for time in range(2 if self.twice else 1):
            dispatch(self.story.ledger, command, self.story.context("bank:acb", f"step_{self.steps}_{time}"))

    def statement(self, row: RecordStatementLine) -> None:
        """The bank reports a movement, and has written it into its own book."""
        moved = row.amount.units if row.direction == "credit" else -row.amount.units
        if row.is_reversal:
            moved = self.bank_book.get(f"{row.key} reversed", moved)
        self.bank_book[line_of(row)] = moved
        self.rows.append(row)
        self.bank_says(row)

    def row(self, units: int, memo: str, direction: Direction, reference: str) -> RecordStatementLine:
        """A movement under a reference of its own."""
        return self.story.row(units, memo, direction=direction, reference=f"{reference}_{self.steps}")

    def payout(self, step: Step) -> Payout | None:
        """One of the last payouts."""
        return self.story.payout(_chosen(self.payouts[-3:], step.a)) if self.payouts else None

    def state(self) -> dict[str, object]:
        """What everything has come to: statuses, figures, books."""
        kinds: list[tuple[type[Aggregate], list[str]]] = [
            (PaymentIntent, self.intents),
            (Payout, self.payouts),
            (Settlement, self.settlements),
            (StatementLine, [line_of(row) for row in self.rows]),
            (Account, [accounts.available(merchant_id) for merchant_id in self.merchants]),
        ]
        found: dict[str, object] = {"books": self.story.books()}
        for kind, streams in kinds:
            for stream in streams:
                found[stream] = Snapshot.take(self.story.ledger.get(kind, stream)).state
        return found


def ends(world: World) -> dict[str, int]:
    """What the accounts must hold, told from payments, settlements and payouts alone; debits positive, no zeros."""
    story = world.story
    intents = [story.payment(intent_id) for intent_id in world.intents]
    settled = [story.ledger.get(Settlement, settlement_id) for settlement_id in world.settlements]
    asked = [story.payout(payout_id) for payout_id in world.payouts]
    returned = [payout for payout in asked if payout.status == payouts.RETURNED]
    sent = [payout for payout in asked if payout.charged]
    told = {
        accounts.FEES: -sum(intent.fees.units for intent in intents) - sum(payout.fee.units for payout in sent),
        accounts.IN_TRANSIT: -sum(payout.amount.units for payout in sent if not payout.shown_on_statement),
    }
    for merchant_id in world.merchants:
        own = [intent for intent in intents if intent.merchant_id == merchant_id]
        net = sum(one.net.units for one in settled if one.merchant_id == merchant_id and one.status == "released")
        out = [payout for payout in sent if payout.merchant_id == merchant_id]
        back = sum(payout.amount.units for payout in returned if payout.merchant_id == merchant_id)
        told[accounts.pending(merchant_id)] = net - sum(one.received.units - one.fees.units for one in own)
        told[accounts.available(merchant_id)] = sum(payout.cost.units for payout in out) - net - back
    return {account: units for account, units in told.items() if units}


def _chosen(choices: list[str], number: int) -> str:
    return choices[number % len(choices)]


def _other(direction: Direction) -> Direction:
    return "debit" if direction == "credit" else "credit"


def waits(world: World, step: Step) -> None:
    """Nobody does anything."""


def expects(world: World, step: Step) -> None:
    """A merchant expects a payment."""
    world.intents.append(world.story.intent(_chosen(world.merchants, step.a), AMOUNTS[step.b % len(AMOUNTS)]).id)


def pays(world: World, step: Step) -> None:
    """A payer pays an intent, the right amount or another."""
    if world.intents:
        intent = world.story.payment(_chosen(world.intents[-4:], step.a))
        units = intent.amount.units if step.b % 2 else AMOUNTS[step.c % len(AMOUNTS)]
        world.statement(world.row(units, f"{intent.code} GD 1", "credit", "PAY"))


def strays(world: World, step: Step) -> None:
    """Money comes or goes without a word of ours."""
    direction: Direction = "credit" if step.b % 2 else "debit"
    world.statement(world.row(AMOUNTS[step.a % len(AMOUNTS)], "khong ro", direction, "STRAY"))


def repeats(world: World, step: Step) -> None:
    """The bank tells an old movement again."""
    if world.rows:
        world.bank_says(world.rows[step.a % len(world.rows)])


def takes_back(world: World, step: Step) -> None:
    """The bank takes a movement back under its reference, with either word for the direction."""
    originals = [row for row in world.rows if not row.is_reversal]
    if originals:
        original = originals[step.a % len(originals)]
        back = -original.amount.units if original.direction == "credit" else original.amount.units
        world.bank_book[f"{original.key} reversed"] = back
        direction = original.direction if step.b % 2 else _other(original.direction)
        reversal = msgspec.structs.replace(original, is_reversal=True, direction=direction)
        if line_of(reversal) not in world.bank_book:
            world.statement(reversal)


def takes_back_early(world: World, step: Step) -> None:
    """The bank takes a payment back, and its word on that comes before the payment's."""
    if world.intents:
        intent = world.story.payment(_chosen(world.intents[-4:], step.a))
        payment = world.row(intent.amount.units, intent.code, "credit", "EARLY")
        world.statement(msgspec.structs.replace(payment, is_reversal=True, direction="debit"))
        world.held_back.append(payment)


def catches_up(world: World, step: Step) -> None:
    """What the bank had not told yet."""
    if world.held_back:
        world.statement(world.held_back.pop(step.a % len(world.held_back)))


def cancels_intent(world: World, step: Step) -> None:
    """A merchant expects a payment no more."""
    if world.intents:
        intent = world.story.payment(_chosen(world.intents[-4:], step.a))
        command = CancelPaymentIntent(merchant_id=intent.merchant_id, payment_intent_id=intent.id, reason="x")
        world.does(command)


def settles(world: World, step: Step) -> None:
    """All payments of a merchant are settled, and released now or later."""
    merchant_id = _chosen(world.merchants, step.a)
    own = tuple(one for one in world.intents if world.story.payment(one).merchant_id == merchant_id)
    settlement_id = world.does(CloseSettlement(merchant_id=merchant_id, payment_intent_ids=own))
    if settlement_id:
        world.settlements.append(settlement_id)


def releases(world: World, step: Step) -> None:
    """A settlement is released."""
    if world.settlements:
        world.does(ReleaseSettlement(settlement_id=_chosen(world.settlements, step.a)))


def matches(world: World, step: Step) -> None:
    """An operator says whose a line is, rightly or not."""
    if world.rows:
        line_id = _chosen([line_of(row) for row in world.rows[-8:]], step.a)
        world.does(ExplainBankFee(line_id=line_id, reason="monthly fee"))
        if world.intents:
            intent_id = _chosen(world.intents[-4:], step.b)
            world.does(MatchStatementLine(line_id=line_id, payment_intent_id=intent_id, reason="the payer called"))


def asks_payout(world: World, step: Step) -> None:
    """A merchant asks for a payout."""
    command = RequestPayout(
        merchant_id=_chosen(world.merchants, step.a),
        amount=dong(AMOUNTS[step.b % len(AMOUNTS)]),
        beneficiary_bin="970422",
        beneficiary_account=Personal("0001234567890"),
        beneficiary_name=Personal("TRAN THI BINH"),
        memo="luong",
    )
    payout_id = world.does(command, "merchant:asks")
    if payout_id:
        world.payouts.append(payout_id)


def decides_payout(world: World, step: Step) -> None:
    """People and workers do with a payout what they may."""
    payout = world.payout(step)
    if payout:
        own = {"merchant_id": payout.merchant_id, "payout_id": payout.id}
        decisions: list[Command] = [
            ApprovePayout(**own),
            SubmitPayout(payout_id=payout.id),
            ApprovePayout(**own),
            SubmitPayout(payout_id=payout.id),
            RejectPayout(**own, reason="x"),
            CancelPayout(**own, reason="x"),
            EscalatePayout(payout_id=payout.id, why="x"),
        ]
        world.does(decisions[step.b % len(decisions)])


def sends_payout(world: World, step: Step) -> None:
    """A payout goes the usual way up to the bank."""
    payout = world.payout(step)
    if payout:
        world.does(ApprovePayout(merchant_id=payout.merchant_id, payout_id=payout.id))
        world.does(SubmitPayout(payout_id=payout.id))


def answers(world: World, step: Step) -> None:
    """The bank answers about a payout, truly or not, and then thinks again."""
    payout = world.payout(step)
    if payout:
        name = payout.id
        said: list[Command] = [
            RecordPayoutAccepted(payout_id=name, bank_reference="4711"),
            RecordPayoutExecuted(payout_id=name, bank_reference="4711"),
            RecordPayoutDeclined(payout_id=name, reason="refused", bank_code="x"),
            RecordPayoutUnknown(payout_id=name, why="time-out"),
            RecordPayoutNotSent(payout_id=name, attempt=1 + step.c % 2, why="x"),
            RecordPayoutNotFound(
                payout_id=name, final_after=payouts.NOT_FOUND_SPACING, statement_read_at=world.story.now
            ),
        ]
        world.bank_says(said[step.b % len(said)])
        world.bank_says(said[step.c % len(said)])


def shows(world: World, step: Step) -> None:
    """The statement shows a payout, once or by mistake again, or money of it coming back."""
    payout = world.payout(step)
    if payout:
        direction: Direction = "credit" if step.b % 3 == 0 else "debit"
        units = AMOUNTS[step.c % len(AMOUNTS)] if step.b % 7 == 6 else payout.amount.units
        world.statement(world.row(units, f"{payout.end_to_end_id} luong", direction, "OUT"))


MOVES: dict[str, Callable[[World, Step], None]] = {
    move.__name__: move
    for move in (
        waits,
        expects,
        pays,
        strays,
        repeats,
        takes_back,
        takes_back_early,
        catches_up,
        cancels_intent,
        settles,
        releases,
        matches,
        asks_payout,
        decides_payout,
        sends_payout,
        answers,
        shows,
    )
}


class Auditor:
    """Reads the log as it grows and adds it up without any of our aggregates' help."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.position = 0
        self.books: dict[str, int] = {}
        self.available: dict[str, int] = {}

    def faults(self) -> list[str]:
        """What does not add up after the moves so far."""
        found: list[str] = []
        recorder = self.world.story.ledger.recorder
        for row in recorder.select_notifications(start=self.position + 1, limit=10_000):
            self.position = row.id
            event = decode(row.topic, str(row.originator_id), row.originator_version, row.state).event
            if isinstance(event, JournalEntry.Posted):
                found += self._post(event)
            else:
                found += self._guard(str(row.originator_id), event)
        if sum(self.books.values()):
            found.append(f"the books sum to {sum(self.books.values())}")
        for merchant_id in self.world.merchants:
            name = accounts.available(merchant_id)
            posted = self.world.story.account(merchant_id).posted.units
            if posted != -self.books.get(name, 0):
                found.append(f"{name} says {posted}, its postings say {-self.books.get(name, 0)}")
        of_bank = sum(units for key, units in self.world.bank_book.items() if not key.endswith(" reversed"))
        if self.books.get(accounts.bank(BANK_ACCOUNT), 0) != of_bank:
            found.append(f"the bank has {of_bank}, we say {self.books.get(accounts.bank(BANK_ACCOUNT), 0)}")
        waiting = self._waiting()
        if self.books.get(accounts.UNIDENTIFIED, 0) != waiting:
            found.append(f"lines worth {waiting} wait, unidentified says {self.books.get(accounts.UNIDENTIFIED, 0)}")
        return found

    def _waiting(self) -> int:
        """The unmatched lines' worth, debits positive: exactly this may stand as unidentified."""
        streams = {line_of(row) for row in self.world.rows}
        lines = [self.world.story.ledger.get(StatementLine, stream) for stream in streams]
        unmatched = [line for line in lines if line.status == "unmatched"]
        return sum(line.amount.units if line.direction == "debit" else -line.amount.units for line in unmatched)

    def _post(self, event: JournalEntry.Posted) -> list[str]:
        for posting in event.postings:
            self.books[posting.account] = self.books.get(posting.account, 0) + posting.amount.units
        legs = sum(posting.amount.units for posting in event.postings)
        return [f"{event.happening} for {event.subject} sums to {legs}"] if legs else []

    def _guard(self, stream: str, event: object) -> list[str]:
        left = self.available.get(stream, 0)
        if isinstance(event, Account.Credited | Account.HoldReleased):
            left += event.amount.units
        elif isinstance(event, Account.Debited | Account.HoldPlaced):
            left -= event.amount.units
        self.available[stream] = left
        if isinstance(event, Account.HoldPlaced) and left < 0:
            return [f"the hold {event.hold_id} took {stream} to {left}"]
        return []
