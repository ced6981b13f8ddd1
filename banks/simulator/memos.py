"""What the bank does to the payer's text before it appears in history and webhooks (specification, 8.1)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from typing import Final

from banks.simulator.clock import VIETNAM
from banks.simulator.refusals import Impossible

_DIGITS: Final = re.compile(r"[^0-9]")
_LONG_WORD: Final = re.compile(r"[A-Za-z0-9]{10,}")


def unaccented(text: str) -> str:
    """`text` without Vietnamese diacritics; the stroke of đ is no combining mark and is replaced by hand."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def folded(name: str) -> str:
    """A name for comparison: case, diacritics and repeated spaces do not count ([assumed] in 2.1.4)."""
    return " ".join(unaccented(name).upper().split())


def flattened(text: str) -> str:
    """Unaccented upper case, everything but letters, digits, dot and hyphen a space, single spaces."""
    return " ".join(re.sub(r"[^A-Z0-9.-]", " ", unaccented(text).upper()).split())


def readable(text: str) -> str:
    """Unaccented, what MB does not let through (1.5) a space, the payer's spaces kept."""
    return re.sub(r"[^A-Za-z0-9+()./: ?^'-]", " ", unaccented(text))


def _suffix(trace: str, at: datetime) -> str:
    return f"GD {trace}-{at.astimezone(VIETNAM):%m%d%y %H:%M:%S}"


def _split(text: str) -> str:
    return _LONG_WORD.sub(lambda found: f"{found[0][: len(found[0]) // 2]} {found[0][len(found[0]) // 2 :]}", text)


STYLES: Final[dict[str, Callable[[str, str, str, str], str]]] = {
    "acb": lambda text, suffix, name, second: f"{flattened(text)} {suffix}",
    "glued": lambda text, suffix, name, second: f"{flattened(text)}{suffix}",
    "tags": lambda text, suffix, name, second: f"ACC-{suffix}-/CTR/{flattened(text)}/MAC/02FB40D2D89D4CF8",
    "inside": lambda text, suffix, name, second: f"IB {flattened(name)} {flattened(text)}",
    "vcb": lambda text, suffix, name, second: (
        f"MBVCB.2427229823.174242.{text}.CT tu {flattened(name)} toi ACB {suffix}"
    ),
    "vietinbank": lambda text, suffix, name, second: f"CT DEN:{_DIGITS.sub('', suffix)[:12]} {flattened(text)}",
    "mb": lambda text, suffix, name, second: f"CUSTOMER {readable(text)} Trace {suffix[3:9]}",
    "split": lambda text, suffix, name, second: f"{_split(flattened(text))} {suffix}",
    "lower": lambda text, suffix, name, second: f"{flattened(text).lower()} {suffix}",
    "two_codes": lambda text, suffix, name, second: f"{flattened(text)} {flattened(second)} {suffix}",
    "none": lambda text, suffix, name, second: f"{flattened(name)} chuyen khoan {suffix}",
    "plain": lambda text, suffix, name, second: text,
}
"""Style -> (text, bank's suffix, payer's name, second code) -> memo as delivered."""


def delivered(text: str, *, style: str, trace: str, at: datetime, name: str = "", second: str = "") -> str:
    """The memo the bank shows for `text`. `second` is the other code of style two_codes.

    Raises Impossible for a style that does not exist.
    """
    if style not in STYLES:
        raise Impossible(400, f"memo_style must be one of {', '.join(STYLES)}")
    return STYLES[style](text, _suffix(trace, at), name or "KHACH HANG", second).strip()
