"""Names and memos in the letters banks take: unaccented upper case, one blank between words.

Chapter 1.5 of the bank wire specification. Canonical decomposition leaves the stroke of đ in place, so that letter is
replaced by hand.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MEMO_MAX: Final = 100
"""The length every bank of the specification takes (1.5, safe common subset)."""


def plain(text: str) -> str:
    """`text` in `A-Z 0-9 . -` and single blanks; everything else becomes a blank. May come out empty."""
    letters = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter)).upper()
    return " ".join(re.sub(r"[^A-Z0-9.-]", " ", bare).split())


def memo_with_id(end_to_end_id: str, memo: str) -> str:
    """The memo a bank is given: our id first, so that the statement can prove whose order it was (1.4), then `memo`.

    At most MEMO_MAX characters; the tail of `memo` gives way, the id never does.
    """
    rest = plain(memo)
    if end_to_end_id in rest.split():
        rest = " ".join(word for word in rest.split() if word != end_to_end_id)
    return f"{end_to_end_id} {rest}"[:MEMO_MAX].rstrip()
