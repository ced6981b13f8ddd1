"""Completeness: up to when every movement of one of our bank accounts is on record, and which holes are known.

Two proofs move the mark: running balances that join without a gap, and a balance the bank gave on enquiry that equals
the one proved before plus every movement since. What fits neither is a hole: noticed, and closed once the missing lines
came or a balance proves that nothing lacks. A proof stands for what was claimed then and is never taken back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final

import msgspec

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.balance_anchors import ends, judged
from ledger.balance_chain import APART, Gap, Movement, amounts_to, gaps, total
from ledger.context import Context
from ledger.ids import derive
from ledger.money import Money

BY_RUNNING_BALANCE: Final = "running_balance"
BY_ENQUIRY: Final = "enquiry"


class Checkpoint(msgspec.Struct, frozen=True, gc=False):
    """What the account held when every movement booked up to `at` was counted."""

    at: datetime
    balance: Money


class Hole(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Money that moved between two instants and is on no line of ours; below zero: a debit, or a line too many.

    `seen_by`: running_balance, between two lines that are named, or enquiry, with no lines to name.
    """

    hole_id: str
    seen_by: str
    since: datetime
    until: datetime
    missing: Money
    after_line_id: str | None = None
    before_line_id: str | None = None


class Proof(msgspec.Struct, frozen=True, gc=False):
    """Every movement booked from `since` to `up_to` is on record. `checkpoint`: the balance by which an enquiry proved
    it, from which the next one is judged.
    """

    since: datetime
    up_to: datetime
    checkpoint: Checkpoint | None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the lines of an account and the bank's balances prove, and every hole that is there."""

    proof: Proof | None = None
    holes: tuple[Hole, ...] = ()

    def by_whole_history(self) -> Judgement:
        """The same when the bank's whole history was just read: where a balance of the bank proves that nothing lacks
        and its history shows nothing more, a running balance was wrong, and there is no hole.
        """
        if self.proof is None or self.proof.checkpoint is None:
            return self
        at = self.proof.checkpoint.at
        proof = Proof(self.proof.since, max(self.proof.up_to, at), self.proof.checkpoint)
        return Judgement(proof=proof, holes=tuple(hole for hole in self.holes if hole.until > at))


def id_of_completeness(bank_account_id: str) -> str:
    """The stream of this account's completeness."""
    return derive("co", bank_account_id)


class Completeness(Aggregate):
    """What is known of the lines of one account. `told`: the bank's last balance that was not judged yet."""

    bank_account_id: str
    watched_from: datetime
    complete_up_to: datetime | None
    checkpoint: Checkpoint | None
    told: Checkpoint | None
    holes: dict[str, Hole]
    noticed_at: dict[str, datetime]

    class Begun(Event):
        """From now on the account is watched; what was booked before is nobody's claim."""

        bank_account_id: str

    class BalanceTold(Event):
        """The bank said, when it was asked, what the account held at this instant of our clock."""

        balance: Money
        as_of: datetime

    class Proved(Event):
        """The mark moves."""

        proof: Proof

    class HoleNoticed(Event):
        """Something is missing."""

        hole: Hole

    class HoleClosed(Event):
        """Nothing is missing there any more."""

        hole_id: str

    @classmethod
    def begin(cls, context: Context, *, bank_account_id: str) -> Completeness:
        """Watch an account."""
        completeness = cls(id_of_completeness(bank_account_id))
        completeness.trigger_event(cls.Begun(bank_account_id=bank_account_id), context)
        return completeness

    def tell_balance(self, context: Context, *, balance: Money, as_of: datetime) -> None:
        """The bank's balance, to be judged once lines that are under way have come."""
        if self.told is None or as_of > self.told.at:
            self.trigger_event(self.BalanceTold(balance=balance, as_of=as_of), context)

    def judge(self, movements: Sequence[Movement], until: datetime) -> Judgement:
        """What these lines prove and lack; changes nothing. `movements`: all since what was proved, and some before
        it; those booked after `until` may still lack neighbours that are under way.
        """
        settled = [one for one in movements if one.booked_at <= until]
        found = [gap for gap in judged(gaps(movements), movements, until) if gap.seen_at > self._floor]
        checkpoint, lack = self._against_told(settled, found, until)
        holes = tuple(self._hole(gap) for gap in found if not gap.doubtful and gap.seen_at + APART <= until)
        if lack is not None:
            return Judgement(holes=(*holes, lack))
        return Judgement(proof=self._proof(self._joined(settled, found), checkpoint, bool(found)), holes=holes)

    def keeps_waiting(self, until: datetime) -> bool:
        """Whether the balance told last is too new to be judged by what was booked `until` then."""
        return self.told is not None and self.told.at + APART > until

    def take(self, context: Context, judgement: Judgement) -> None:
        """What was judged is so: the mark moves, new holes are noticed, and those that are no more are closed."""
        if judgement.proof is not None and self._adds(judgement.proof):
            self.trigger_event(self.Proved(proof=judgement.proof), context)
        lacking = {hole.hole_id: hole for hole in judgement.holes}
        for hole_id in [known for known in self.holes if known not in lacking]:
            self.trigger_event(self.HoleClosed(hole_id=hole_id), context)
        for hole_id, hole in lacking.items():
            if hole_id not in self.holes:
                self.trigger_event(self.HoleNoticed(hole=hole), context)

    def _adds(self, proof: Proof) -> bool:
        """Whether it proves anything that is not on record, and nothing less."""
        if self.complete_up_to is None or proof.up_to > self.complete_up_to:
            return True
        counted, known = proof.checkpoint, self.checkpoint
        later = counted is not None and (known is None or counted.at > known.at)
        return later and proof.up_to == self.complete_up_to

    @property
    def _floor(self) -> datetime:
        return self.complete_up_to or self.watched_from

    def _proof(
        self, joined: tuple[datetime, datetime] | None, checkpoint: Checkpoint | None, has_gaps: bool
    ) -> Proof | None:
        """What moves the mark, and never past a gap; a checkpoint counts by itself as well."""
        since, up_to = joined or (self.complete_up_to, self.complete_up_to)
        if checkpoint is not None and not has_gaps and (up_to is None or checkpoint.at > up_to):
            since, up_to = since or checkpoint.at, checkpoint.at
        if since is None or up_to is None or (up_to == self.complete_up_to and checkpoint is None):
            return None
        return Proof(since, up_to, checkpoint)

    def _joined(self, settled: Sequence[Movement], found: Sequence[Gap]) -> tuple[datetime, datetime] | None:
        """The stretch behind the mark whose running balances join."""
        told = sorted(one.booked_at for one in settled if one.balance_after is not None)
        instants = told[bisect_right(told, self._floor) :]
        if not instants or (self.complete_up_to is not None and len(instants) == len(told)):
            return None  # nothing that came later, or nothing before it to join with
        up_to = min([instants[-1], *(gap.since for gap in found)])
        return (self.complete_up_to or instants[0], up_to) if up_to >= instants[0] else None

    def _against_told(
        self, settled: Sequence[Movement], found: Sequence[Gap], until: datetime
    ) -> tuple[Checkpoint | None, Hole | None]:
        """What the bank's balance proves, or what lacks beside the gaps that were found."""
        told, known = self.told, self.checkpoint
        if told is None or self.keeps_waiting(until):
            return None, None
        cut = told.at - APART
        perhaps = [one for one in settled if cut < one.booked_at <= told.at + APART]
        if known is None:
            return (told if not perhaps and not found and self._may_begin(told, settled) else None), None
        if cut <= known.at:
            return None, None
        counted = known.balance + total(one for one in settled if known.at < one.booked_at <= cut)
        rest = told.balance - counted
        fits = amounts_to(rest, perhaps)
        if fits and _is_certain(told.balance, counted, perhaps):
            return Checkpoint(cut, counted), None
        by_gaps = sum((gap.missing for gap in found if gap.seen_at <= told.at), Money(0))
        if fits is not False or amounts_to(rest - by_gaps, perhaps) is not False:
            return None, None
        missing = rest - by_gaps - total(one for one in perhaps if one.booked_at <= told.at)
        return None, self._lack(known, told, missing)

    def _may_begin(self, told: Checkpoint, settled: Sequence[Movement]) -> bool:
        """Whether the first balance the bank told can be counted from: it is the beginning, or fits what is proved."""
        if self.complete_up_to is None:
            return True
        so_far = sorted((one for one in settled if one.booked_at <= told.at), key=attrgetter("booked_at"))
        held: Money | None = None
        for movement in so_far:
            moved = held + movement.amount if held is not None else None
            held = movement.balance_after if movement.balance_after is not None else moved
        return held == told.balance

    def _lack(self, known: Checkpoint, told: Checkpoint, missing: Money) -> Hole:
        hole_id = derive("hole", self.bank_account_id, BY_ENQUIRY, known.at.isoformat())
        return Hole(hole_id=hole_id, seen_by=BY_ENQUIRY, since=known.at, until=told.at, missing=missing)

    def _hole(self, gap: Gap) -> Hole:
        return Hole(
            hole_id=derive("hole", self.bank_account_id, BY_RUNNING_BALANCE, gap.after.line_id),
            seen_by=BY_RUNNING_BALANCE,
            since=gap.since,
            until=gap.until,
            missing=gap.missing,
            after_line_id=gap.after.line_id,
            before_line_id=gap.before.line_id,
        )

    @follows(Begun)
    def _begun(self, event: Begun, envelope: Envelope) -> None:
        self.bank_account_id = event.bank_account_id
        self.watched_from = envelope.at
        self.complete_up_to = None
        self.checkpoint = None
        self.told = None
        self.holes = {}
        self.noticed_at = {}

    @follows(BalanceTold)
    def _balance_told(self, event: BalanceTold, envelope: Envelope) -> None:
        self.told = Checkpoint(event.as_of, event.balance)

    @follows(Proved)
    def _proved(self, event: Proved, envelope: Envelope) -> None:
        self.complete_up_to = event.proof.up_to
        self.checkpoint = event.proof.checkpoint or self.checkpoint

    @follows(HoleNoticed)
    def _hole_noticed(self, event: HoleNoticed, envelope: Envelope) -> None:
        self.holes = {**self.holes, event.hole.hole_id: event.hole}
        self.noticed_at = {**self.noticed_at, event.hole.hole_id: envelope.at}

    @follows(HoleClosed)
    def _hole_closed(self, event: HoleClosed, envelope: Envelope) -> None:
        self.holes = {key: hole for key, hole in self.holes.items() if key != event.hole_id}
        self.noticed_at = {key: at for key, at in self.noticed_at.items() if key != event.hole_id}


def _is_certain(balance: Money, counted: Money, perhaps: Sequence[Movement]) -> bool:
    """Whether this balance is that of `counted` and some of the movements of which it is open which it counts: they
    begin there, and it is one of theirs. That some of them make up the difference may be chance.
    """
    if not perhaps:
        return balance == counted
    led = ends(perhaps)
    return led is not None and led[0] == counted and balance in {counted, *(one.balance_after for one in perhaps)}
