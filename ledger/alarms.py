"""Alarm: something a person must look at. Said once for each kind and subject, in the insertion of its cause."""

from __future__ import annotations

from typing import Final

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.ids import derive

UNREADABLE_NOTICE: Final = "unreadable_notice"
UNORDERED_DEBIT: Final = "unordered_debit"
CONFIRMED_AFTER_FAILURE: Final = "confirmed_after_failure"
NEGATIVE_AVAILABLE: Final = "negative_available"
PAYOUT_ESCALATED: Final = "payout_escalated"
REVERSAL_WITHOUT_ORIGINAL: Final = "reversal_without_original"
ORDER_NEWS_CONTRADICTS: Final = "order_news_contradicts"
"""A bank tells of an order what cannot be true together with what is on record of the payout."""
HOLE_STAYS_OPEN: Final = "hole_stays_open"
"""Money moved on an account of ours that no line shows, and the bank's history has not brought it."""
BANK_CONTRACT_DRIFT: Final = "bank_contract_drift"
"""What a bank sends fits no more what we know of it; about `drift_of`. Closed when nothing of its kind is left."""
READ_MODEL_DIFFERS: Final = "read_model_differs"
"""A read model is not what follows from the log, or cannot be held against it: its name, the bank day, a digest."""
READ_MODELS_UNCHECKED: Final = "read_models_unchecked"
"""The nightly check did not come to an end; the bank day it was for."""


PLACE_MAX: Final = 80


class Alarm(Aggregate):
    """One thing to look at."""

    kind: str
    subject: str
    open: bool

    class Raised(Event):
        """`kind` is a word from the list above; `subject` the id it is about; `detail` a sentence for people."""

        kind: str
        subject: str
        detail: str

    class Closed(Event):
        """Nothing of it is left; it may be raised anew."""

    @classmethod
    def raise_(cls, context: Context, *, kind: str, subject: str, detail: str) -> Alarm:
        """A new alarm; its id is derived from kind and subject."""
        alarm = cls(id_of_alarm(kind, subject))
        alarm.trigger_event(cls.Raised(kind=kind, subject=subject, detail=detail), context)
        return alarm

    def raise_again(self, context: Context, *, detail: str) -> None:
        """Raise an alarm that was closed; an open one stays as it is."""
        if not self.open:
            self.trigger_event(self.Raised(kind=self.kind, subject=self.subject, detail=detail), context)

    def close(self, context: Context) -> None:
        """Nothing of it is left. Said once."""
        if self.open:
            self.trigger_event(self.Closed(), context)

    @follows(Raised)
    def _raised(self, event: Raised, envelope: Envelope) -> None:
        self.kind = event.kind
        self.subject = event.subject
        self.open = True

    @follows(Closed)
    def _closed(self, event: Closed, envelope: Envelope) -> None:
        self.open = False


def id_of_alarm(kind: str, subject: str) -> str:
    """The stream of the alarm of this kind about this subject."""
    return derive("al", kind, subject)


def drift_of(source: str, operation: str, place: str) -> str:
    """What an alarm BANK_CONTRACT_DRIFT is about. `source`: code of the bank or aggregator; `operation`: what was asked
    of it, or webhook; `place`: the path of the field, of which visible ASCII signs are taken, at most PLACE_MAX.
    """
    shown = "".join(sign if "!" <= sign <= "~" else "_" for sign in place)
    return f"{source}.{operation}.{shown[:PLACE_MAX]}"
