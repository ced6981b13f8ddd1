"""Alarms: what a person must look at."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Index, select

from ledger.aggregate import Envelope
from ledger.alarms import Alarm
from projections.columns import id_, instant, key, number, prose, table, word
from projections.database import Reader
from projections.pages import Moment, newest_first
from projections.projection import Projection, on
from projections.rows import Rows

ALARMS = table(
    "alarms",
    key("id"),
    word("kind"),
    id_("subject"),
    prose("detail"),
    instant("raised_at"),
    number("position"),
    Index("by_time", "raised_at", "id"),
    day="raised_at",
)


class AlarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One alarm: its kind (a word), the id it is about, and a sentence for people."""

    id: str
    kind: str
    subject: str
    detail: str
    raised_at: datetime
    position: int


class Alarms(Projection):
    """Folds alarms."""

    name = "alarms"
    tables = (ALARMS,)

    @on(Alarm.Raised)
    def raised(self, rows: Rows, event: Alarm.Raised, envelope: Envelope) -> None:
        """A new row."""
        row = {
            "id": envelope.stream,
            "kind": event.kind,
            "subject": event.subject,
            "detail": event.detail,
            "raised_at": envelope.at,
            "position": envelope.position,
        }
        rows.put(ALARMS, row)


def alarms(reader: Reader, *, limit: int, before: Moment | None = None) -> list[AlarmRow]:
    """Alarms, newest first; `before`: (raised_at, id) of the last one seen. Raises ReadTablesUnavailable."""
    return reader.all(AlarmRow, newest_first(select(ALARMS), ALARMS.c.raised_at, ALARMS.c.id, limit, before))
