"""Every refusal Socai can give, as one tree.

    Problem
    ├── Malformed          the message itself cannot be read              (400)
    ├── Unauthenticated    we do not know who is asking                   (401)
    ├── Forbidden          we know, and that one may not                  (403)
    ├── NotFound           no such thing, or not yours                    (404)
    ├── Conflict           another fact stands in the way                 (409)
    ├── Invalid            readable, and not acceptable                   (422)
    ├── TooMany            come back later                                (429)
    └── Unavailable        a part we need is away; nothing was lost       (503)

A refusal is a noun without "Error". It carries a slug (stable, public), a title, a detail for people that says what to
do, the field it is about where there is one, and facts a program can use. It knows nothing of HTTP: `web/problems.py`
maps the eight families. Exceptions are for refusals and for bugs; what a bank answers is a value (`banks/outcomes.py`).
"""

from __future__ import annotations

import re
from typing import ClassVar

Fact = str | int | bool | None


class Problem(Exception):
    """Base of all refusals.

    `detail` says in a sentence what is wrong and what to do. `field` is the JSON pointer or parameter name it is about.
    `facts` are machine-readable extras; they must never hold a secret or personal data.
    """

    slug: ClassVar[str] = "problem"
    title: ClassVar[str] = "Something is not acceptable"

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "slug" not in cls.__dict__:
            cls.slug = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        if "title" not in cls.__dict__:
            cls.title = cls.slug.replace("-", " ").capitalize()

    def __init__(self, detail: str, *, field: str | None = None, **facts: Fact) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.facts = facts


class Malformed(Problem):
    """The message cannot be read at all."""


class Unauthenticated(Problem):
    """Nobody we know is asking."""


class Forbidden(Problem):
    """We know who is asking, and that one may not."""


class NotFound(Problem):
    """No such thing, or it belongs to somebody else: the answer is the same."""


class Conflict(Problem):
    """Another fact stands in the way."""


class Invalid(Problem):
    """Readable, and not acceptable."""


class TooMany(Problem):
    """Come back later."""


class Unavailable(Problem):
    """A part we need is away. Nothing that was accepted is lost; ask again after `retry_after_s` seconds."""

    retry_after_s: ClassVar[int] = 2


# money


class UnknownCurrency(Invalid):
    title = "This currency is not handled"


class InvalidAmount(Invalid):
    title = "This is not an amount of money we can take"


class CurrencyMismatch(Invalid):
    title = "Amounts of two currencies cannot be put together"


class UnbalancedEntry(Invalid):
    title = "A journal entry must sum to zero in each currency"


class InsufficientFunds(Conflict):
    title = "The available funds do not cover this"


# commands and idempotency


class IdempotencyKeyMissing(Malformed):
    title = "This request needs an Idempotency-Key"


class IdempotencyKeyInvalid(Malformed):
    title = "This Idempotency-Key cannot be used"


class IdempotencyKeyReused(Invalid):
    title = "This idempotency key was used with other content"


class LostRace(Conflict):
    title = "Others kept changing the same thing; try again"


class UnknownCommand(Invalid):
    title = "There is no such command"


class ReasonMissing(Invalid):
    title = "A reason is needed"


# merchants and access


class MerchantNotFound(NotFound):
    title = "There is no such merchant"


class MerchantExists(Conflict):
    title = "This merchant is registered already"


class ApiKeyInvalid(Unauthenticated):
    title = "This API key is not known"


class ApiKeyNotFound(NotFound):
    title = "There is no such API key"


class WebhookEndpointNotFound(NotFound):
    title = "There is no such webhook endpoint"


class SignatureInvalid(Unauthenticated):
    title = "The signature or key of this message is wrong"


class RoleMissing(Forbidden):
    title = "This key may not do that"


class OwnApproval(Forbidden):
    title = "Nobody approves their own request"


class WebhookUrlInvalid(Invalid):
    title = "Webhooks cannot be sent to this address"


# things with a state


class PaymentIntentNotFound(NotFound):
    title = "There is no such payment intent"


class PaymentIntentClosed(Conflict):
    title = "This payment intent takes no more money"


class PayoutNotFound(NotFound):
    title = "There is no such payout"


class PayoutStateConflict(Conflict):
    title = "A payout in this state cannot do that"


class SettlementNotFound(NotFound):
    title = "There is no such settlement"


class SettlementEmpty(Conflict):
    title = "There is nothing to settle"


class SettlementStateConflict(Conflict):
    title = "A settlement in this state cannot do that"


class StatementLineNotFound(NotFound):
    title = "There is no such statement line"


class StatementLineOwned(Conflict):
    title = "This statement line has an owner"


class BankNoticeNotFound(NotFound):
    title = "There is no such kept bank notice"


class AccountNotFound(NotFound):
    title = "There is no such ledger account"


class HoldExists(Conflict):
    title = "These funds are held already"


class HoldNotFound(NotFound):
    title = "There is no such hold"


# banks


class UnknownBank(Invalid):
    title = "There is no such bank"


class UnknownBankAccount(NotFound):
    title = "There is no such bank account of ours"


class InvalidBankAccounts(Invalid):
    title = "The file of our bank accounts cannot be used"


class BankUnavailable(Unavailable):
    """A bank could not be asked, or its answer could not be read. Never raised for a transfer: that has outcomes."""

    title = "The bank gives no usable answer"


class InvalidBeneficiary(Invalid):
    title = "This beneficiary cannot be paid"


class CapabilityMissing(Invalid):
    title = "This bank does not offer that"


class WebhookUnreadable(Malformed):
    title = "This bank notice cannot be understood; it was kept for replay"


class InvalidVietQR(Invalid):
    title = "This is not a well-formed VietQR payload"


# reading


class InvalidCursor(Malformed):
    title = "This page cursor is not one of ours"


class InvalidField(Invalid):
    title = "A field is not acceptable"


class UnreadableBody(Malformed):
    title = "The body is not the JSON this address takes"


class BodyTooLarge(Malformed):
    title = "The body is too large"


class UnknownProjection(NotFound):
    title = "There is no such projection"


class NothingSetAside(NotFound):
    title = "Nothing of this stream is set aside"


class TooManySetAside(Unavailable):
    """So many events cannot be taken in that it is not the events that are at fault: the follower stops."""

    title = "A follower of the log may not set aside more events"


class ProjectionFailing(Unavailable):
    """A projection had to set aside more events than it may, or lost a table: it stopped and says so; others go on."""

    title = "A read model has stopped"


class ProjectionOutdated(Unavailable):
    """The tables were made by another definition of the projection than this release has."""

    title = "A read model must be rebuilt"


class RebuildOvertaken(Conflict):
    title = "Another rebuild of the same read model began meanwhile"


class RebuildCut(Unavailable):
    title = "A rebuild was cut short"


class DifferencesFound(Conflict):
    """Other tables would show something else than those that serve: they wait until somebody accepts each group."""

    title = "The tables that were built differ from those that serve"


class NothingToSwap(NotFound):
    title = "There are no tables that could take over"


class FoldImpossible(Unavailable):
    """Rows and event do not fit together: a row is missing, a currency differs, an entry does not sum to zero."""

    title = "An event cannot be folded into the read tables"


# parts that may be away


class EventStoreUnavailable(Unavailable):
    title = "The event store cannot be reached"


class ReadTablesUnavailable(Unavailable):
    title = "The read tables cannot be reached"


class QueueUnavailable(Unavailable):
    title = "The queue cannot be reached"


class KeyUnavailable(Unavailable):
    title = "A key that protects personal data cannot be reached"


class LogDamaged(Unavailable):
    """A reader of the log met a hole or an event that cannot be read: nothing is skipped in silence."""

    title = "The event log cannot be followed here"


class LogCutShort(Unavailable):
    """The log ends before what a follower has seen of it: it was cut, or an older backup was put in its place."""

    title = "The event log ends before what was followed already"


class EventUnknown(LogDamaged):
    """An event of a stored name or a schema version that this release does not know: a newer one wrote it."""

    title = "An event of a newer release"


class EventUnreadable(LogDamaged):
    """What is stored for one event does not fit its kind: it was altered, or written by something else than us."""

    title = "A stored event cannot be read"


class EventDamaged(EventUnreadable):
    """One event was altered by hand or by a disk: its checksum does not fit, the log around it is whole.

    Stores raise it on reading, with what is stored of it now as the facts `stream`, `version` and `name`, so that a
    follower can set this event aside instead of standing still.
    """

    title = "A stored event was altered"


# moving a log


class CopyRefused(Conflict):
    """What stands in the target is not, or is no longer, the beginning of the source."""

    title = "The target does not hold a copy of this log"


class BadAddress(Invalid):
    """An address on the command line names no store we know, or is missing."""

    title = "There is no event store at this address"
