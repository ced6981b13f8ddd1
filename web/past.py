"""Asking about the past over HTTP: what was known at a position or instant, of what was in effect by a bank day.

An answer says as of what it is true, so that it can be asked for again, word for word, whatever is recorded meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ledger.errors import InvalidField
from ledger.store import Ledger
from projections.as_of import AsOf, position_at
from web.fields import Day, PositionOrInstant
from web.pages import Positioned

KNOWN_AT: Final = "Socai-Known-At"
EFFECTIVE_AT: Final = "Socai-Effective-At"


class InThePast(Positioned):
    """A query that may be about an earlier time."""

    known_at = PositionOrInstant(
        metadata={
            "description": "As it was known then: what was recorded up to this log position, or at this instant or"
            " before. `Socai-Known-At` of the answer says which position that is."
        }
    )
    effective_at = Day(
        metadata={"description": "As it was in effect then: what has a later value date does not count."}
    )


def known_at(ledger: Ledger, query: Mapping[str, Any]) -> int | None:
    """The log position at which things are to be as they were known, or None when that is not said.

    Raises InvalidField for a position that is not there yet, and what reading the log raises.
    """
    asked: int | datetime | None = query.get("known_at")
    if isinstance(asked, datetime):
        return position_at(ledger, asked)
    if asked is not None and asked > ledger.head():
        raise InvalidField("There is no such log position yet; name one that an answer gave.", field="known_at")
    return asked


def as_of(query: Mapping[str, Any], known: int | None, shown: int | None) -> AsOf | None:
    """As of when is asked, or None for now. `known`: what `known_at` gave; `shown`: what the tables show."""
    day = query.get("effective_at")
    if shown is None or (known is None and day is None):
        return None
    return AsOf(shown if known is None else known, day)


def headers(moment: AsOf) -> dict[str, str]:
    """What an answer says of its moment."""
    told = {KNOWN_AT: str(moment.known_at)}
    return told if moment.effective_at is None else {**told, EFFECTIVE_AT: moment.effective_at.isoformat()}
