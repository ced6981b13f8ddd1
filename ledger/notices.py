"""BankNotice: what a bank sent and we could not understand, kept whole until somebody can read it.

An authentic webhook, or an answer to a question of ours.
"""

from __future__ import annotations

from typing import ClassVar, Final

from ledger.aggregate import Aggregate, Envelope, Event, Json, follows
from ledger.context import Context
from ledger.ids import derive
from ledger.privacy import Sealed

WEBHOOK: Final = "webhook"
"""The operation of what a bank sent unasked."""


def id_of_notice(bank_account_id: str, body_digest: str) -> str:
    """The stream of a kept notice: the same body of the same account always has the same."""
    return derive("bn", bank_account_id, body_digest)


class BankNotice(Aggregate):
    """One kept message."""

    bank_account_id: str
    feed: str
    body: Sealed
    operation: str
    about: str
    drift: str
    replayed: bool

    class Kept(Event):
        """The bank said this and we could not read it. `body`: the raw bytes in base64, sealed; `reason`: why not;
        `feed`: the code of the aggregator that said it instead of the bank, or nothing; `operation`: webhook, or what
        was asked of the bank; `about`: the payout or the bank days asked about, or nothing; `drift`: what of the
        bank's contract has drifted (`drift_of`), or nothing where the message itself fits.
        """

        schema_version: ClassVar[int] = 3

        bank_account_id: str
        body: Sealed
        reason: str
        feed: str
        operation: str
        about: str
        drift: str

        @classmethod
        def upcast(cls, schema: int, data: Json) -> Json:
            if schema == 1:
                return {**data, "feed": ""}
            if schema == 2:
                return {**data, "operation": WEBHOOK, "about": "", "drift": ""}
            return super().upcast(schema, data)

    class Replayed(Event):
        """A later release could read it; `lines` movements came out of it."""

        lines: int

    @classmethod
    def keep(cls, context: Context, *, notice_id: str, kept: Kept) -> BankNotice:
        """Keep an unreadable message."""
        notice = cls(notice_id)
        notice.trigger_event(kept, context)
        return notice

    def keep_again(self, context: Context, *, kept: Kept) -> None:
        """It was read, and comes again and cannot be read. One that still waits stays as it is."""
        if self.replayed:
            self.trigger_event(kept, context)

    def replay(self, context: Context, *, lines: int) -> None:
        """It was read after all. Said once."""
        if not self.replayed:
            self.trigger_event(self.Replayed(lines=lines), context)

    @follows(Kept)
    def _kept(self, event: Kept, envelope: Envelope) -> None:
        self.bank_account_id = event.bank_account_id
        self.feed = event.feed
        self.body = event.body
        self.operation = event.operation
        self.about = event.about
        self.drift = event.drift
        self.replayed = False

    @follows(Replayed)
    def _replayed(self, event: Replayed, envelope: Envelope) -> None:
        self.replayed = True
