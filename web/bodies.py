"""JSON that comes in, read strictly: what two readers could understand differently is refused.

Refused are doubled keys, NaN and Infinity, text that is not UTF-8 or holds half a surrogate pair, too much nesting, too
many bytes, compressed bodies and other content types. A number that is not a plain whole one stays the text it was, so
that the field it stands in can refuse it by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from flask import Request
from marshmallow import Schema

from ledger.errors import InvalidField, UnreadableBody
from web.fields import load
from web.problems import FaultyFields, UnsupportedMediaType

SIZE_MAX: Final = 64 * 1024
"""Bytes of a request body; a bank's notices have a bound of their own."""
DEPTH_MAX: Final = 8
DIGITS_MAX: Final = 18


def read_body(request: Request, schema: type[Schema]) -> dict[str, Any]:
    """What the body of this request says, by its schema; no body at all says nothing, `{}`.

    Raises UnsupportedMediaType, BodyTooLarge (by the framework), UnreadableBody, FaultyFields.
    """
    request.max_content_length = SIZE_MAX
    raw = request.get_data(cache=False)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Send the body uncompressed.", field="Content-Encoding")
    if raw and request.mimetype != "application/json":
        raise UnsupportedMediaType("Send the body as Content-Type: application/json.", field="Content-Type")
    if raw and request.mimetype_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType("Send the body in UTF-8.", field="Content-Type")
    said = parse(raw) if raw else {}
    if not isinstance(said, dict):
        raise _unreadable("The body is a JSON object.")
    return load(schema(), said)


def read_query(arguments: Mapping[str, list[str]], schema: Schema) -> dict[str, Any]:
    """What the query string says, by its schema. Raises FaultyFields, also for a parameter that stands there twice."""
    twice = sorted(name for name, values in arguments.items() if len(values) > 1)
    if twice:
        raise FaultyFields(
            [InvalidField("This parameter stands there twice.", field=name[:100]) for name in twice], place="parameter"
        )
    return load(schema, {name: values[0] for name, values in arguments.items()}, place="parameter")


def parse(raw: bytes) -> object:
    """The JSON value in these bytes. Raises UnreadableBody that says where, and quotes nothing."""
    try:
        value: object = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=str,
            parse_int=lambda digits: int(digits) if len(digits.lstrip("-")) <= DIGITS_MAX else digits,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise _unreadable("The body is not UTF-8.") from None
    except RecursionError:
        raise _unreadable("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise _unreadable(f"The body is not JSON at character {error.pos + 1}; was it cut off?") from None
    _check(value)
    return value


def _unreadable(detail: str) -> UnreadableBody:
    # The empty pointer is the whole body (RFC 6901).
    return UnreadableBody(detail, field="")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _unreadable("A key stands twice in one object of the body.")
    return found


def _constant(_: str) -> NoReturn:
    raise _unreadable("NaN and Infinity are not JSON.")


def _check(value: object) -> None:
    """Walks level by level, so that depth costs no recursion."""
    level = [value]
    for _ in range(DEPTH_MAX):
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below.extend([*item.keys(), *item.values()])
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and re.search("[\ud800-\udfff]", item):
                raise _unreadable("The body holds half a surrogate pair.")
        if not below:
            return
        level = below
    raise _unreadable("The body is nested too deeply.")
