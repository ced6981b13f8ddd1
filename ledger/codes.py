"""Codes that survive what banks do to a transfer text.

Two kinds, of one make: a fixed prefix, a fixed number of characters from an alphabet without look-alikes (no 0/O,
1/I/L, U), the last of them a check character.

* payment code `SOCAI` + 8: shown to a payer in the VietQR memo, found again in the credit's text;
* end-to-end id `SP` + 13: our id of a transfer order, found again in the debit's text. Fifteen characters, because that
  is the longest trace number seen at ACB.

The rules are chapter 8.2 of the bank wire specification: fixed length and check character decide, never word
boundaries, because banks insert and lose blanks, dots and hyphens, and glue digits to the code.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Final

from ledger.errors import LostRace

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
PAYMENT_PREFIX: Final = "SOCAI"
PAYMENT_LENGTH: Final = 8
END_TO_END_PREFIX: Final = "SP"
END_TO_END_LENGTH: Final = 13
TRIES: Final = 20
"""How many codes in a row may be taken before something is wrong."""

_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_MODULUS = len(ALPHABET)
_CLASS = f"[{ALPHABET}]"


def check_character(body: str) -> str:
    """The check character of `body` (characters of ALPHABET): ISO 7064 hybrid scheme with moduli 31 and 30.

    Every single wrong character is noticed, and nearly every swap of neighbours. Raises KeyError for a character
    outside the alphabet.
    """
    product = _MODULUS
    for character in body:
        product = (product + _VALUE[character]) % _MODULUS or _MODULUS
        product = product * 2 % (_MODULUS + 1)
    return ALPHABET[(1 - product) % _MODULUS]


def is_code(text: str, prefix: str, length: int) -> bool:
    """Whether `text` is prefix + `length` characters of the alphabet with the right check character at the end."""
    body = text.removeprefix(prefix)
    if len(body) != length or text == body or not re.fullmatch(f"{_CLASS}+", body):
        return False
    return check_character(body[:-1]) == body[-1]


def make(prefix: str, length: int, *natural_key: str | int) -> str:
    """The code that belongs to a natural key: the same key always gives the same code.

    Two keys may meet in one code (34 bits for payment codes): who makes one must look whether it is taken, and ask
    again with another last part of the key.
    """
    number = int.from_bytes(hashlib.sha256(repr((prefix, *natural_key)).encode()).digest(), "big")
    body = ""
    for _ in range(length - 1):
        number, value = divmod(number, _MODULUS)
        body += ALPHABET[value]
    return prefix + body + check_character(body)


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
