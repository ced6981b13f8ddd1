"""A settlement of any number of payments, as the commands store it; a test holds it against them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from eventsourcing.persistence import StoredEvent

from ledger.calendar import bank_day

RELEASED_AFTER: Final = timedelta(minutes=10)

_encode: Final = msgspec.json.Encoder(order="sorted").encode


class Paid(NamedTuple):
    """A payment that waits to be settled, in dong; `version`: that of its last event."""

    intent: str
    version: int
    gross: int
    fee: int


class Names(NamedTuple):
    """The ids of a settlement, of its entry and of its two commands."""

    settlement: str
    entry: str
    close: str
    release: str


def settlement(
    paid: Sequence[Paid], merchant_id: str, names: Names, at: datetime
) -> list[tuple[datetime, list[StoredEvent]]]:
    """What closing and releasing store, and when. Versions of the guarded account are left to the caller."""
    gross, fees = sum(one.gross for one in paid), sum(one.fee for one in paid)
    closed = {
        "fees": _money(fees),
        "gross": _money(gross),
        "lines": [
            {"fee": _money(one.fee), "gross": _money(one.gross), "payment_intent_id": one.intent} for one in paid
        ],
        "merchant_id": merchant_id,
        "net": _money(gross - fees),
    }
    found = [_event(names.settlement, 1, "settlement.closed", closed, names.close, at)]
    for one in paid:
        data = {"fee": _money(one.fee), "gross": _money(one.gross), "settlement_id": names.settlement}
        found.append(_event(one.intent, one.version + 1, "payment_intent.settled", data, names.close, at))
    return [(at, found), _released(gross - fees, merchant_id, names, at + RELEASED_AFTER)]


def _released(net: int, merchant_id: str, names: Names, at: datetime) -> tuple[datetime, list[StoredEvent]]:
    pending, available = (f"merchant:{merchant_id}:{kind}" for kind in ("pending", "available"))
    legs = [(pending, net), (available, -net)]
    posted = {
        "happening": "settlement_released",
        "postings": [{"account": account, "amount": _money(units)} for account, units in legs],
        "reverses": None,
        "subject": names.settlement,
    }
    credited = {"amount": _money(net), "entry_id": names.entry}
    events = [
        _event(names.settlement, 2, "settlement.released", {"entry_id": names.entry}, names.release, at),
        _event(available, 0, "account.credited", credited, names.release, at),
        _event(names.entry, 1, "journal_entry.posted", posted, names.release, at),
    ]
    return at, events


def _event(stream: str, version: int, name: str, data: dict[str, Any], command: str, at: datetime) -> StoredEvent:
    whole = {
        "actor": "worker:settlements",
        "at": at,
        "causation": None,
        "command": command,
        "correlation": command,
        "data": data,
        "effective": bank_day(at),
        "schema": 1,
    }
    return StoredEvent(stream, version, name, _encode(whole))


def _money(units: int) -> dict[str, Any]:
    return {"currency": "VND", "units": units}
