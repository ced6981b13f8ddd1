"""BankNotice: an authentic message of a bank that we could not understand, kept whole until somebody can read it."""

from __future__ import annotations

from typing import ClassVar

from ledger.aggregate import Aggregate, Envelope, Event, Json, follows
from ledger.context import Context
from ledger.ids import derive
from ledger.privacy import Sealed


def id_of_notice(bank_account_id: str, body_digest: str) -> str:
    """The stream of a kept notice: the same body of the same account always has the same."""
    return derive("bn", bank_account_id, body_digest)


class BankNotice(Aggregate):
    """One kept message."""

    bank_account_id: str
    feed: str
    body: Sealed
    replayed: bool

    class Kept(Event):
        """The bank said this and we could not read it. `body`: the raw bytes in base64, sealed; `reason`: why not;
        `feed`: the code of the aggregator that said it instead of the bank, or nothing.
        """

        schema_version: ClassVar[int] = 2

        bank_account_id: str
        body: Sealed
        reason: str
        feed: str

        @classmethod
        def upcast(cls, schema: int, data: Json) -> Json:
            if schema == 1:
                return {**data, "feed": ""}
            return super().upcast(schema, data)

    class Replayed(Event):
        """A later release could read it; `lines` movements came out of it."""

        lines: int

    @classmethod
    def keep(
        cls, context: Context, *, notice_id: str, bank_account_id: str, body: Sealed, reason: str, feed: str
    ) -> BankNotice:
        """Keep an unreadable message."""
        notice = cls(notice_id)
        kept = cls.Kept(bank_account_id=bank_account_id, body=body, reason=reason, feed=feed)
        notice.trigger_event(kept, context)
        return notice

    def replay(self, context: Context, *, lines: int) -> None:
        """It was read after all. Said once."""
        if not self.replayed:
            self.trigger_event(self.Replayed(lines=lines), context)

    @follows(Kept)
    def _kept(self, event: Kept, envelope: Envelope) -> None:
        self.bank_account_id = event.bank_account_id
        self.feed = event.feed
        self.body = event.body
        self.replayed = False

    @follows(Replayed)
    def _replayed(self, event: Replayed, envelope: Envelope) -> None:
        self.replayed = True
