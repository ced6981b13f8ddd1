"""Contract drift: answers that fit no more are set aside, and read again once a release can.

What is kept shows people what came; it is not what is read again later. A webhook is: nobody sends it twice. Statement
days are read from the bank anew, and an order is asked about anew. The alarm of a drift is held against what waits:
it ends when nothing of its kind is left.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final, Literal, TypeAlias

from banks.bank import Bank
from banks.drift import in_words
from banks.outcomes import Misfit
from commands import dispatch
from commands.notices import CloseContractDrift, KeepUnreadableNotice, RecordNoticeReplayed, RingContractDrift
from ledger.alarms import drift_of
from ledger.privacy import Personal
from projections import alarms
from workers.parts import Parts

Question: TypeAlias = Literal["balance", "history", "status", "transfer"]
"""What is asked of a bank, as a drift is named; what a bank says unasked is `ledger.notices.WEBHOOK`."""

SETTLED_MAX: Final = 100
"""Notices about one payout or reading settled together; each has a place of its own, so there are few."""
DRIFTS_MAX: Final = 1_000


def set_aside(parts: Parts, bank: Bank, operation: Question, about: str, misfit: Misfit) -> None:
    """Keeps an answer that does not fit, sealed, and rings the alarm of its drift unless it rings; the same again
    changes nothing while it waits. `about`: the payout, the bank days, or the balance that was asked about.
    """
    drift = drift_of(bank.code, operation, misfit.place)
    command = KeepUnreadableNotice(
        bank_account_id=bank.account.id,
        body_digest=hashlib.sha256(f"{drift}|{about}".encode()).hexdigest(),
        body=Personal(b64encode(misfit.body).decode()),
        reason=f"{bank.name} answered {operation} ({about}) otherwise than we know: {in_words(misfit)}.",
        operation=operation,
        about=about,
        drift=drift,
    )
    dispatch(parts.ledger, command, parts.context("drifts", bank.account.id))


def settle(parts: Parts, bank_account_id: str, about: str) -> None:
    """What was set aside about this payout or these bank days waits no more: the bank answered, and was understood.
    Raises ReadTablesUnavailable.
    """
    for notice_id in alarms.waiting_about(
        parts.reader, bank_account_id=bank_account_id, about=about, limit=SETTLED_MAX
    ):
        settled(parts, notice_id, lines=0)


def settled(parts: Parts, notice_id: str, *, lines: int) -> None:
    """Marks one as read, with so many movements in it."""
    dispatch(parts.ledger, RecordNoticeReplayed(notice_id=notice_id, lines=lines), parts.context("drifts", notice_id))


def hold_alarms_against_what_waits(parts: Parts) -> None:
    """Closes the alarm of each drift of which nothing waits. An alarm that was closed while something of its kind came
    rings again. Raises ReadTablesUnavailable.
    """
    # What waits is asked second: an alarm in the first answer is older than everything in it.
    ringing = set(alarms.drifts_ringing(parts.reader, limit=DRIFTS_MAX))
    waiting = set(alarms.drifts_waiting(parts.reader, limit=DRIFTS_MAX))
    for drift in sorted(ringing - waiting):
        dispatch(parts.ledger, CloseContractDrift(drift=drift), parts.context("drifts", drift))
    for drift in sorted(waiting - ringing):
        dispatch(parts.ledger, RingContractDrift(drift=drift), parts.context("drifts", drift))
