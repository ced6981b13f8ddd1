"""The 35-column rule (3.4 of the bank wire specification): the core keeps a memo in lines, and feeds join them again.

The prefix before the payer's text (`CUSTOMER ` or his name) is outside the counted text. Card purchases break at 34,
texts of transfers inside MB are not broken.
"""

from __future__ import annotations

from typing import Final, Literal

Lines = Literal["wrapped", "glued", "clean"]
COLUMNS: Final = 35
CARD_COLUMNS: Final = 34
CARD: Final = "POSRETAIL-"
INSIDE: Final = (". TU:", ". DEN:")
PREFIX: Final = "CUSTOMER "


def shown(memo: str, lines: Lines, name: str = "") -> str:
    """`memo` as a feed shows it: a space between the lines, or the lines glued and spaces at their edges lost, or as it
    was written. `name` is the payer's, where he is known.
    """
    prefix = next((one for one in (PREFIX, f"{name} ") if len(one) > 1 and memo.startswith(one)), "")
    text = memo[len(prefix) :]
    if lines == "clean" or any(mark in text for mark in INSIDE):
        return memo
    columns = CARD_COLUMNS if text.startswith(CARD) else COLUMNS
    parts = [text[at : at + columns] for at in range(0, len(text), columns)]
    return prefix + (" ".join(parts) if lines == "wrapped" else "".join(part.strip(" ") for part in parts))
