"""The whole story of one thing: its own events and those of all it touched, in the order they were recorded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ledger import accounts, alarms
from ledger.accounts import Account
from ledger.aggregate import Envelope
from ledger.alarms import id_of_alarm
from ledger.errors import NotFound
from ledger.ids import derive
from ledger.store import Ledger

ALARMS = (
    alarms.PAYOUT_ESCALATED,
    alarms.CONFIRMED_AFTER_FAILURE,
    alarms.UNORDERED_DEBIT,
    alarms.REVERSAL_WITHOUT_ORIGINAL,
    alarms.ORDER_NEWS_CONTRADICTS,
)
"""Kinds of alarm whose subject is a payout or a statement line."""
POSTED_FOR = (
    "payment_matched",
    "settlement_released",
    "payout_accepted",
    "payout_confirmed",
    "payout_confirmed_after_failure",
    "payout_declined_late",
    "payout_returned",
    "credit_unidentified",
    "debit_unidentified",
    "line_reversed",
    "bank_fee",
)
"""Happenings that a journal entry may have been posted for, with the thing itself or its statement line as subject."""


def story(ledger: Ledger, stream: str) -> list[Envelope]:
    """The events of this stream, of its statement lines and journal entries, and of the holds placed for it.

    Ordered by recorded time, the stream's own first within one instant. Raises NotFound when there is no such stream.
    """
    own = ledger.history(stream)
    if not own:
        raise NotFound(f"There is nothing under {stream!r}.", id=stream)
    lines = _named(own, "line_id")
    told = [*own, *_histories(ledger, lines)]
    subjects = (stream, *lines)
    entries = [derive("je", happening, subject) for subject in subjects for happening in POSTED_FOR]
    told += _histories(ledger, entries)
    told += _funds(ledger, own, stream, entries)
    told += _histories(ledger, [id_of_alarm(kind, subject) for kind in ALARMS for subject in subjects])
    return sorted(told, key=lambda envelope: envelope.at)


def details(envelope: Envelope) -> dict[str, Any]:
    """The payload as plain values: amounts as text, personal data as "[sealed]"."""
    return {name: _plain(value) for name, value in msgspec.to_builtins(envelope.event).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"units", "currency"}:
            return f"{value['units']:,} {value['currency']}"
        if "digest" in value and "person" in value:
            return "[sealed]"
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _named(envelopes: Iterable[Envelope], field: str) -> list[str]:
    found = (getattr(envelope.event, field, None) for envelope in envelopes)
    return list(dict.fromkeys(value for value in found if value))


def _histories(ledger: Ledger, streams: Iterable[str]) -> list[Envelope]:
    return [envelope for stream in streams for envelope in ledger.history(stream)]


def _funds(ledger: Ledger, own: list[Envelope], stream: str, entries: list[str]) -> list[Envelope]:
    """The merchant's account's events for this thing: its hold, and what the entries posted for it moved."""
    merchant_id = getattr(own[0].event, "merchant_id", None)
    if merchant_id is None:
        return []
    moved = (Account.Credited, Account.Debited)
    held = (Account.HoldPlaced, Account.HoldReleased, Account.HoldCaptured)
    return [
        envelope
        for envelope in ledger.history(accounts.available(merchant_id))
        if (isinstance(envelope.event, held) and envelope.event.hold_id == stream)
        or (isinstance(envelope.event, moved) and envelope.event.entry_id in entries)
    ]
