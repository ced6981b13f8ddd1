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
READ_MODEL_DIFFERS: Final = "read_model_differs"
"""A read model is not what follows from the log, or cannot be held against it: its name, the bank day, a digest."""
READ_MODELS_UNCHECKED: Final = "read_models_unchecked"
"""The nightly check did not come to an end; the bank day it was for."""


class Alarm(Aggregate):
    """One thing to look at."""

    kind: str
    subject: str

    class Raised(Event):
        """`kind` is a word from the list above; `subject` the id it is about; `detail` a sentence for people."""

        kind: str
        subject: str
        detail: str

    @classmethod
    def raise_(cls, context: Context, *, kind: str, subject: str, detail: str) -> Alarm:
        """A new alarm; its id is derived from kind and subject."""
        alarm = cls(id_of_alarm(kind, subject))
        alarm.trigger_event(cls.Raised(kind=kind, subject=subject, detail=detail), context)
        return alarm

    @follows(Raised)
    def _raised(self, event: Raised, envelope: Envelope) -> None:
        self.kind = event.kind
        self.subject = event.subject


def id_of_alarm(kind: str, subject: str) -> str:
    """The stream of the alarm of this kind about this subject."""
    return derive("al", kind, subject)
