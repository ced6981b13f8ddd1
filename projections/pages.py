"""Pages by place, not by number: a page goes on behind the last row seen, so rows that come meanwhile shift nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, and_, or_

Moment = tuple[datetime, str]
"""The place of a row by time and id."""

T = TypeVar("T")
Place = TypeVar("Place")


class Looked(msgspec.Struct, Generic[T, Place]):
    """A page for which more may have been looked at than is shown.

    `behind`: the place of the last one looked at if there may be more behind it, else None.
    """

    rows: list[T]
    behind: Place | None


def newest_first(
    query: Select[Any], at: ColumnElement[datetime], id_: ColumnElement[str], limit: int, before: Moment | None
) -> Select[Any]:
    """The query in order of time, newest first, equal times by id; `before`: the place of the last row seen."""
    if before is not None:
        # The first condition alone lets the index be used: servers do not walk an index for a comparison of pairs.
        query = query.where(at <= before[0], or_(at < before[0], and_(at == before[0], id_ < before[1])))
    return query.order_by(at.desc(), id_.desc()).limit(limit)


def oldest_first(
    query: Select[Any], at: ColumnElement[datetime], id_: ColumnElement[str], limit: int, after: Moment | None
) -> Select[Any]:
    """The query in order of time, oldest first, equal times by id; `after`: the place of the last row seen."""
    if after is not None:
        query = query.where(at >= after[0], or_(at > after[0], and_(at == after[0], id_ > after[1])))
    return query.order_by(at, id_).limit(limit)
