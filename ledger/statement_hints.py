"""StatementHint: a bank said that money moved on an account, in words that prove nothing of the movement itself.

The statement says what it was; the hint only brings forward when it is read.
"""

from __future__ import annotations

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.ids import derive


def id_of_hint(bank_account_id: str, proof: str) -> str:
    """The stream of a hint: the same words of the bank, under the same proof, always have the same."""
    return derive("sh", bank_account_id, proof)


class StatementHint(Aggregate):
    """One message of a bank."""

    bank_account_id: str

    class Received(Event):
        """The bank's message was authentic."""

        bank_account_id: str

    @classmethod
    def receive(cls, context: Context, *, hint_id: str, bank_account_id: str) -> StatementHint:
        """Keep that there was a hint."""
        hint = cls(hint_id)
        hint.trigger_event(cls.Received(bank_account_id=bank_account_id), context)
        return hint

    @follows(Received)
    def _received(self, event: Received, envelope: Envelope) -> None:
        self.bank_account_id = event.bank_account_id
