"""Payments, payouts and statement lines as they were: one of them, or a page of a list.

A list goes over the read table as it is now, whose rows are never deleted and keep their place in time, replays each
(`past.py`) and shows what was there and fitted then. Things that were not there yet, or did not fit yet, are looked at
as well; so a page may be short, or even empty, and still go on behind what was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Table, select

from ledger.store import Ledger
from projections.as_of import AsOf, instant_of
from projections.database import Reader
from projections.pages import Looked, Moment, newest_first
from projections.past import Past
from projections.payments import PAYMENTS, PaymentRow, Payments
from projections.payouts import PAYOUTS, TIMELINE, PayoutRow, Payouts, TimelineRow
from projections.statements import LINES, StatementLines, StatementRow

LOOKED_AT_MAX: Final = 1_000
"""Things that are replayed for one page."""

AT_ONCE: Final = 100
"""Things that are replayed by one reading of the log."""

CLOCKS_APART: Final = timedelta(days=1)
"""No two hosts' clocks differ so much: what bears a time so long after that of an event was recorded behind it."""

T = TypeVar("T")


def payment(ledger: Ledger, payment_intent_id: str, as_of: AsOf) -> PaymentRow | None:
    """One payment intent as it was, or None. Raises EventStoreUnavailable and LogDamaged, as every query here."""
    return _one(PaymentRow, Past(ledger, Payments(), as_of).rows(PAYMENTS, [payment_intent_id]))


def payout(ledger: Ledger, payout_id: str, as_of: AsOf) -> PayoutRow | None:
    """One payout as it was, or None."""
    return _one(PayoutRow, Past(ledger, Payouts(), as_of).rows(PAYOUTS, [payout_id]))


def timeline(ledger: Ledger, payout_id: str, as_of: AsOf) -> list[TimelineRow]:
    """What had happened to a payout, in order."""
    return [TimelineRow(**row) for row in Past(ledger, Payouts(), as_of).rows(TIMELINE, [payout_id])]


def line(ledger: Ledger, line_id: str, as_of: AsOf) -> StatementRow | None:
    """One statement line as it was, or None."""
    return _one(StatementRow, Past(ledger, StatementLines(), as_of).rows(LINES, [line_id]))


def payments(
    reader: Reader,
    ledger: Ledger,
    as_of: AsOf,
    *,
    merchant_id: str | None = None,
    status: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> Looked[PaymentRow, Moment]:
    """Payment intents as they were, newest first; `before`: `behind` of the page before.

    Raises ReadTablesUnavailable, as every list here.
    """
    looking = _Looking(reader, Past(ledger, Payments(), as_of), PAYMENTS, PAYMENTS.c.created_at)
    wanted = {"merchant_id": merchant_id, "status": status}
    return looking.page(PaymentRow, wanted, ("merchant_id",), limit, _from(ledger, as_of, before))


def payouts(
    reader: Reader,
    ledger: Ledger,
    as_of: AsOf,
    *,
    merchant_id: str | None = None,
    status: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> Looked[PayoutRow, Moment]:
    """Payouts as they were, newest first; `before`: `behind` of the page before."""
    looking = _Looking(reader, Past(ledger, Payouts(), as_of), PAYOUTS, PAYOUTS.c.created_at)
    wanted = {"merchant_id": merchant_id, "status": status}
    return looking.page(PayoutRow, wanted, ("merchant_id",), limit, _from(ledger, as_of, before))


def lines(
    reader: Reader,
    ledger: Ledger,
    as_of: AsOf,
    *,
    bank_account_id: str | None = None,
    merchant_id: str | None = None,
    status: str | None = None,
    direction: str | None = None,
    limit: int,
    before: Moment | None = None,
) -> Looked[StatementRow, Moment]:
    """Statement lines as they were, newest booking first; `before`: `behind` of the page before."""
    looking = _Looking(reader, Past(ledger, StatementLines(), as_of), LINES, LINES.c.booked_at)
    wanted = {
        "bank_account_id": bank_account_id,
        "merchant_id": merchant_id,
        "status": status,
        "direction": direction,
    }
    if as_of.effective_at is not None:
        looking.only(LINES.c.value_date <= as_of.effective_at)
    if as_of.known_at:
        looking.only(LINES.c.recorded_at <= instant_of(ledger, as_of.known_at) + CLOCKS_APART)
    # A line has one owner at most in all its time, so whose it was can only be whose it is, or nobody's.
    return looking.page(StatementRow, wanted, ("bank_account_id", "merchant_id", "direction"), limit, before)


def _from(ledger: Ledger, as_of: AsOf, before: Moment | None) -> Moment | None:
    """Where to begin in a list by recorded time: what was recorded later is not looked at."""
    if not as_of.known_at:
        return before
    newest = (instant_of(ledger, as_of.known_at) + CLOCKS_APART, "")
    return newest if before is None else min(before, newest)


class _Looking:
    """Goes over a read table as it is now, newest first by the column `at`, and shows it as it was."""

    def __init__(self, reader: Reader, past: Past, table: Table, at: Column[datetime]) -> None:
        self._reader = reader
        self._past = past
        self._table = table
        self._at = at
        self._query = select(table.c.id, at.label("at"))

    def only(self, condition: Any) -> None:
        """Look at rows only that are so now."""
        self._query = self._query.where(condition)

    def page(
        self,
        kind: Callable[..., T],
        wanted: Mapping[str, str | None],
        lasting: Sequence[str],
        limit: int,
        before: Moment | None,
    ) -> Looked[T, Moment]:
        """At most `limit` rows whose columns were as `wanted` says; `lasting`: those which are so now if ever."""
        asked = {name: value for name, value in wanted.items() if value is not None}
        for name in asked.keys() & set(lasting):
            self.only(self._table.c[name] == asked[name])
        found: list[T] = []
        place = before
        for _ in range(LOOKED_AT_MAX // AT_ONCE):
            some = self._reader.rows(newest_first(self._query, self._at, self._table.c.id, AT_ONCE, place))
            then = {row["id"]: row for row in self._past.rows(self._table, [row["id"] for row in some])}
            for now in some:
                row = then.get(now["id"])
                if row is not None and all(row[name] == value for name, value in asked.items()):
                    if len(found) == limit:
                        return Looked(found, place)
                    found.append(kind(**row))
                place = (now["at"], now["id"])
            if len(some) < AT_ONCE:
                return Looked(found, None)
        return Looked(found, place)


def _one(kind: Callable[..., T], rows: Sequence[Mapping[str, Any]]) -> T | None:
    return kind(**rows[0]) if rows else None
