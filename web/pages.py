"""Lists in pages: a page ends where the next begins, by the place of its last row, so new rows move none.

A cursor is that place with a stamp over it, bound to the list and its filters: it is taken back only as it was given.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from ledger.errors import InvalidCursor
from projections.pages import Looked
from web.fields import Count, Strict, Text
from web.routes import Answer, Call

LIMIT: Final = 20
LIMIT_MAX: Final = 100
STAMP_BYTES: Final = 16

Row = TypeVar("Row")


class Moment(NamedTuple):
    """A place by time and id, newest first."""

    at: datetime
    id: str


Place = TypeVar("Place", Moment, int, str)


class Positioned(Strict):
    """A query that may name the log position it wants to see at least."""

    position = Count(minimum=0, maximum=10**18, metadata={"description": "Answer only once this log position shows."})


class Paged(Positioned):
    """A query for a page of a list."""

    limit = Count(minimum=1, maximum=LIMIT_MAX, metadata={"description": f"Rows on the page; {LIMIT} when left out."})
    cursor = Text(longest=400, metadata={"description": "`next_cursor` of the page before."})


class OfMerchant(Paged):
    """A page of a merchant's things."""

    merchant_id = Text(longest=64, metadata={"description": "For operators: whose. A merchant sees its own."})


def page(
    call: Call,
    kind: type[Place],
    fetch: Callable[[int, Place | None], Sequence[Row]],
    place: Callable[[Row], Place],
    show: Callable[[Row], Mapping[str, object]],
) -> Answer:
    """One page: `fetch(limit, before)` gives rows in order, `place` where a row stands, `show` what is told of it.

    Raises InvalidCursor.
    """
    limit = call.query.get("limit") or LIMIT
    cursor = call.query.get("cursor")
    before = None if cursor is None else _opened(call, kind, cursor)
    rows = fetch(limit + 1, before)
    more = len(rows) > limit
    shown = rows[:limit]
    return Answer(
        body={
            "object": "list",
            "data": [show(row) for row in shown],
            "has_more": more,
            "next_cursor": _cursor(call, place(shown[-1])) if more else None,
        }
    )


def looked_page(
    call: Call,
    kind: type[Place],
    fetch: Callable[[int, Place | None], Looked[Row, Any]],
    show: Callable[[Row], Mapping[str, object]],
) -> Answer:
    """One page of the past: it may be short or empty and still have more behind it. Raises InvalidCursor."""
    cursor = call.query.get("cursor")
    looked = fetch(call.query.get("limit") or LIMIT, None if cursor is None else _opened(call, kind, cursor))
    return Answer(
        body={
            "object": "list",
            "data": [show(row) for row in looked.rows],
            "has_more": looked.behind is not None,
            "next_cursor": None if looked.behind is None else _cursor(call, looked.behind),
        }
    )


def whole(data: Sequence[Mapping[str, object]]) -> Answer:
    """A list that always fits on one page."""
    return Answer(body={"object": "list", "data": list(data), "has_more": False, "next_cursor": None})


def _cursor(call: Call, place: Moment | int | str) -> str:
    said = msgspec.json.encode(place)
    return urlsafe_b64encode(_stamp(call, said) + said).decode().rstrip("=")


def _opened(call: Call, kind: type[Place], cursor: str) -> Place:
    refused = InvalidCursor("Begin again without a cursor; this one was not given out for this list.", field="cursor")
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (NotBase64, ValueError):
        raise refused from None
    stamp, said = raw[:STAMP_BYTES], raw[STAMP_BYTES:]
    # Encoded again: other spellings of the same bytes are not ours.
    if not hmac.compare_digest(stamp, _stamp(call, said)) or urlsafe_b64encode(raw).decode().rstrip("=") != cursor:
        raise refused
    return msgspec.json.decode(said, type=kind)


def _stamp(call: Call, said: bytes) -> bytes:
    filters = {name: value for name, value in call.query.items() if name not in ("limit", "cursor", "position")}
    about = msgspec.json.encode([call.route.path, call.who.scope, filters], order="sorted")
    return hmac.digest(call.services.cursor_key, len(about).to_bytes(4, "big") + about + said, "sha256")[:STAMP_BYTES]
