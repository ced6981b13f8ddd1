"""Alarms over HTTP: what a person must look at."""

from __future__ import annotations

from marshmallow import Schema, fields

from projections import alarms
from projections.alarms import AlarmRow
from web.auth import OPERATORS
from web.fields import Instant, Word
from web.pages import Moment, Paged, page
from web.routes import Answer, Call, route


class AlarmShown(Schema):
    """Something a person must look at. `subject`: the id it is about; `closed_at`: when nothing of it was left."""

    object = Word("alarm", required=True)
    id = fields.String(required=True)
    kind = fields.String(required=True)
    subject = fields.String(required=True)
    detail = fields.String(required=True)
    raised_at = Instant(required=True)
    closed_at = Instant(required=True, allow_none=True)


@route("GET", "/v1/alarms", roles=OPERATORS, query=Paged, answer=AlarmShown, listed=True, reads=("alarms",))
def list_alarms(call: Call) -> Answer:
    """Alarms, newest first."""
    reader = call.services.reader
    return page(
        call,
        Moment,
        lambda limit, before: alarms.alarms(reader, limit=limit, before=before),
        lambda row: Moment(row.raised_at, row.id),
        _show,
    )


def _show(row: AlarmRow) -> dict[str, object]:
    return {
        "object": "alarm",
        "id": row.id,
        "kind": row.kind,
        "subject": row.subject,
        "detail": row.detail,
        "raised_at": row.raised_at,
        "closed_at": row.closed_at,
    }
