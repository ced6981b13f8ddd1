"""Alarms: what a person must look at; and what banks sent that nobody can read yet, for which some of them ring."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import Index, select, true

from ledger.aggregate import Envelope
from ledger.alarms import BANK_CONTRACT_DRIFT, Alarm
from ledger.notices import BankNotice
from projections.columns import flag, id_, instant, instant_or_none, key, number, prose, table, word
from projections.database import Reader
from projections.pages import Moment, newest_first, oldest_first
from projections.projection import Projection, on
from projections.rows import Rows

ALARMS = table(
    "alarms",
    key("id"),
    word("kind"),
    id_("subject"),
    prose("detail"),
    instant("raised_at"),
    instant_or_none("closed_at"),
    number("position"),
    Index("by_time", "raised_at", "id"),
    Index("by_kind", "kind", "closed_at"),
    day="raised_at",
)

NOTICES = table(
    "bank_notices",
    key("id"),
    id_("bank_account_id"),
    word("operation"),
    id_("about"),
    id_("drift"),
    instant("kept_at"),
    flag("waits"),
    Index("by_time", "waits", "kept_at", "id"),
    Index("by_drift", "waits", "drift"),
    Index("by_subject", "waits", "bank_account_id", "about"),
    day="kept_at",
)


class AlarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm: its kind (a word), the id it is about, and a sentence for people."""

    id: str
    kind: str
    subject: str
    detail: str
    raised_at: datetime
    closed_at: datetime | None
    position: int


class NoticeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a bank sent that nobody could read; the fields are those of `BankNotice.Kept`."""

    id: str
    bank_account_id: str
    operation: str
    about: str
    drift: str
    kept_at: datetime
    waits: bool


class Alarms(Projection):
    """Folds alarms, and what waits to be read."""

    name = "alarms"
    tables = (ALARMS, NOTICES)

    @on(Alarm.Raised)
    def raised(self, rows: Rows, event: Alarm.Raised, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "kind": event.kind,
            "subject": event.subject,
            "detail": event.detail,
            "raised_at": envelope.at,
            "closed_at": None,
            "position": envelope.position,
        }
        rows.put(ALARMS, row)

    @on(Alarm.Closed)
    def closed(self, rows: Rows, event: Alarm.Closed, envelope: Envelope) -> None:
        """Nothing of it is left."""
        rows.change(ALARMS, envelope.stream, closed_at=envelope.at)

    @on(BankNotice.Kept)
    def kept(self, rows: Rows, event: BankNotice.Kept, envelope: Envelope) -> None:
        """It waits."""
        row = {
            "id": envelope.stream,
            "bank_account_id": event.bank_account_id,
            "operation": event.operation,
            "about": event.about,
            "drift": event.drift,
            "kept_at": envelope.at,
            "waits": True,
        }
        rows.put(NOTICES, row)

    @on(BankNotice.Replayed)
    def replayed(self, rows: Rows, event: BankNotice.Replayed, envelope: Envelope) -> None:
        """It waits no more."""
        rows.change(NOTICES, envelope.stream, waits=False)


def alarms(reader: Reader, *, limit: int, before: Moment | None = None) -> list[AlarmRow]:
    """Alarms, newest first; `before`: (raised_at, id) of the last one seen. Raises ReadTablesUnavailable."""
    return reader.all(AlarmRow, newest_first(select(ALARMS), ALARMS.c.raised_at, ALARMS.c.id, limit, before))


def waiting(
    reader: Reader, *, bank_account_ids: Collection[str], limit: int, after: Moment | None = None
) -> list[NoticeRow]:
    """What was set aside of these accounts and waits, oldest first; `after`: (kept_at, id) of the last one seen. Raises
    ReadTablesUnavailable, as every query here.
    """
    rows = NOTICES.c
    query = select(NOTICES).where(rows.waits == true(), rows.bank_account_id.in_(bank_account_ids))
    return reader.all(NoticeRow, oldest_first(query, rows.kept_at, rows.id, limit, after))


def waiting_about(reader: Reader, *, bank_account_id: str, about: str, limit: int) -> list[str]:
    """Ids of what waits about this payout or these bank days."""
    rows = NOTICES.c
    mine = (rows.waits == true(), rows.bank_account_id == bank_account_id, rows.about == about)
    return reader.column(select(rows.id).where(*mine).order_by(rows.id).limit(limit))


def drifts_waiting(reader: Reader, *, limit: int) -> list[str]:
    """What has drifted of banks' contracts, as far as something of it waits."""
    rows = NOTICES.c
    query = select(rows.drift).distinct().where(rows.waits == true(), rows.drift != "")
    return reader.column(query.order_by(rows.drift).limit(limit))


def drifts_ringing(reader: Reader, *, limit: int) -> list[str]:
    """What the open alarms of contract drift are about."""
    rows = ALARMS.c
    query = select(rows.subject).where(rows.kind == BANK_CONTRACT_DRIFT, rows.closed_at.is_(None))
    return reader.column(query.order_by(rows.subject).limit(limit))
