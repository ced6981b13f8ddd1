"""Codes that survive what banks do to a transfer text.

Two kinds, of one make: a fixed prefix and a fixed number of characters from an alphabet without look-alikes (no 0/O,
1/I/L, U), which check one another.

* payment code `SOCAI` + 8: shown to a payer in the VietQR memo, found again in the credit's text;
* end-to-end id `SP` + 13: our id of a transfer order, found again in the debit's text. Fifteen characters, because that
  is the longest trace number seen at ACB.

The rules are chapter 8.2 of the bank wire specification: fixed length and check decide, never word boundaries, because
banks insert and lose blanks, dots and hyphens, and glue digits to the code. So a code that lost a character takes in
the first one of the bank's own text and has the right length again: the check must notice that as surely as a wrong
character. It is the one of Tenengolts (IEEE Transactions on Information Theory 30, 1984): two valid codes never become
one another by losing one character anywhere and gaining one anywhere, which is also what a wrong character or a swap of
neighbours does.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from ledger.errors import LostRace

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
PAYMENT_PREFIX: Final = "SOCAI"
PAYMENT_LENGTH: Final = 8
END_TO_END_PREFIX: Final = "SP"
END_TO_END_LENGTH: Final = 13
TRIES: Final = 20
"""How many codes in a row may be taken before something is wrong."""

SUM: Final = 1
STEPS: Final = 1
"""What the two checks leave. With a remainder of 1, one character repeated and a run such as 23456789 are no codes."""

_SIZE = len(ALPHABET)
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_CLASS = f"[{ALPHABET}]"
_DRAWN = 512
"""Bytes drawn for one code: of the bodies they hold, one in 8 (payment) or in 13 (end-to-end) is a code."""
_FAIR = 256 - 256 % _SIZE
_TO_VALUE = bytes(byte % _SIZE for byte in range(256))


def checks(body: str) -> bool:
    """Whether the characters of `body` check one another.

    The sum of their values is SUM modulo the alphabet's size, and the sum of the places at which they do not fall,
    counted from 1 for the second character, is STEPS modulo their number. Of all texts of payment code length one in
    240 does. Raises KeyError for a character outside the alphabet.
    """
    values = [_VALUE[character] for character in body]
    return sum(values) % _SIZE == SUM and _steps(values) == STEPS


def _steps(values: Sequence[int]) -> int:
    return sum(place for place in range(1, len(values)) if values[place] >= values[place - 1]) % len(values)


def is_code(text: str, prefix: str, length: int) -> bool:
    """Whether `text` is prefix + `length` characters of the alphabet that check one another."""
    body = text.removeprefix(prefix)
    if len(body) != length or text == body or not re.fullmatch(f"{_CLASS}+", body):
        return False
    return checks(body)


def make(prefix: str, length: int, *natural_key: str | int) -> str:
    """The code that belongs to a natural key: the same key always gives the same code.

    Two keys may meet in one code (there are 2,733,750,000 payment codes): who makes one must look whether it is taken,
    and ask again with another last part of the key.
    """
    drawn = hashlib.shake_256(repr((prefix, *natural_key)).encode()).digest(_DRAWN)
    values = drawn.translate(_TO_VALUE, bytes(range(_FAIR, 256)))
    for start in range(len(values) - length):
        free = values[start : start + length - 1]
        body = (*free, (SUM - sum(free)) % _SIZE)
        if _steps(body) == STEPS:
            return prefix + "".join(ALPHABET[value] for value in body)
    raise LostRace("No code was found for this key; send it again with another key.")


def first_free(prefix: str, length: int, natural_key: str, is_taken: Callable[[str], bool]) -> str:
    """The first code of this natural key, by serial number, that is not taken. Raises LostRace after TRIES of them."""
    for serial in range(TRIES):
        code = make(prefix, length, natural_key, serial)
        if not is_taken(code):
            return code
    raise LostRace("No free code was found; send it again with the same key.")


def squeeze(text: str) -> str:
    """A transfer text as the matcher sees it: no accents, upper case, nothing but A-Z and 0-9."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return re.sub(r"[^A-Z0-9]", "", decomposed.upper())


def find(text: str, prefix: str, length: int) -> list[str]:
    """All different valid codes in a transfer text, in order of appearance (overlapping places included)."""
    places = re.finditer(f"(?=({prefix}{_CLASS}{{{length}}}))", squeeze(text))
    return list(dict.fromkeys(match[1] for match in places if is_code(match[1], prefix, length)))


def find_payment_codes(text: str) -> list[str]:
    """The payment codes in a transfer text."""
    return find(text, PAYMENT_PREFIX, PAYMENT_LENGTH)


def find_end_to_end_ids(text: str) -> list[str]:
    """Our ids of transfer orders in a transfer text."""
    return find(text, END_TO_END_PREFIX, END_TO_END_LENGTH)
