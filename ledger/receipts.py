"""CommandReceipt: what an idempotency key was used for, and what came of it. Keys are events, so they never expire."""

from __future__ import annotations

from ledger.aggregate import Aggregate, Envelope, Event, follows
from ledger.context import Context
from ledger.errors import IdempotencyKeyReused
from ledger.ids import derive


def id_of_receipt(scope: str, key: str) -> str:
    """The stream of a key's receipt. `scope`: whose key it is (a merchant or an operator)."""
    return derive("rc", scope, key)


class CommandReceipt(Aggregate):
    """The one receipt of an idempotency key."""

    fingerprint: str
    subject: str
    subject_version: int

    class Given(Event):
        """The key was used for this content; `subject` came of it, at this version."""

        fingerprint: str
        subject: str
        subject_version: int

    @classmethod
    def give(
        cls, context: Context, *, receipt_id: str, fingerprint: str, subject: str, subject_version: int
    ) -> CommandReceipt:
        """The receipt of a command, kept in the same insertion as its events."""
        receipt = cls(receipt_id)
        event = cls.Given(fingerprint=fingerprint, subject=subject, subject_version=subject_version)
        receipt.trigger_event(event, context)
        return receipt

    def must_be_for(self, fingerprint: str) -> None:
        """Raises IdempotencyKeyReused when the key was used for other content."""
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for other content; take a new key for a new request.",
                field="Idempotency-Key",
            )

    @follows(Given)
    def _given(self, event: Given, envelope: Envelope) -> None:
        self.fingerprint = event.fingerprint
        self.subject = event.subject
        self.subject_version = event.subject_version
