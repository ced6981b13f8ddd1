"""JSON from outside, read strictly: what two readers could understand differently is refused.

Refused are doubled keys, NaN and Infinity, text that is not UTF-8 or holds half a surrogate pair, whole numbers beyond
18 digits, more nesting and more bytes than agreed. A number with a fraction or exponent stays the text it was, so that
no float comes near money; `ledger.money.from_bank` decides about it.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn, TypeAlias

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

SIZE_MAX: Final = 4 * 1024 * 1024
DEPTH_MAX: Final = 24
DIGITS_MAX: Final = 18
HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")


class NotJson(Exception):
    """These bytes are not JSON we take. The message says why and quotes nothing of them."""


def parse(raw: bytes, *, size_max: int = SIZE_MAX) -> Json:
    """The value in `raw` (UTF-8 JSON, at most `size_max` bytes). Raises NotJson."""
    if len(raw) > size_max:
        raise NotJson(f"more than {size_max} bytes")
    try:
        value: Json = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=str,
            parse_int=_whole,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    except RecursionError:
        raise NotJson("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON at character {error.pos}") from None
    # Most messages are flat and escape nothing: they cannot be too deep, and half a pair can only be an escape.
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX or b"\\u" in raw:
        _check(value)
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotJson("a key stands twice in one object")
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS_MAX:
        raise NotJson(f"a number of more than {DIGITS_MAX} digits")
    return int(digits)


def _constant(_: str) -> NoReturn:
    raise NotJson("NaN or Infinity")


def _check(value: Json) -> None:
    """Walks level by level, so that depth costs no recursion."""
    level: list[Json] = [value]
    for _ in range(DEPTH_MAX):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.keys())
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
            elif isinstance(item, str) and not item.isascii() and HALF_A_PAIR.search(item):
                raise NotJson("half a surrogate pair")
        if not below:
            return
        level = below
    raise NotJson("nested too deeply")
