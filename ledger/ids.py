"""Ids: prefixed strings, derived from natural keys wherever there is one.

A derived id makes a duplicate collide in the event store instead of in our code: the same request, webhook or statement
row always leads to the same stream.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

_BASE32: Final = "abcdefghijklmnopqrstuvwxyz234567"
_TWO: Final = [first + second for first in _BASE32 for second in _BASE32]
"""All pairs of letters (RFC 4648, base32, in small letters): 130 bits are thirteen of them. Found in a table they cost
a third of what the library takes, and a gateway derives several ids an event. (A table of triples is slower: it is too
large for the cache of a processor.)"""


def derive(prefix: str, *natural_key: str | int) -> str:
    """`prefix_` and 26 lower-case characters: the first 130 bits of SHA-256 over the parts of the natural key.

    The parts are hashed as a JSON list, so ("a", "bc") and ("ab", "c") differ.
    """
    digest = hashlib.sha256(msgspec.json.encode([prefix, *natural_key])).digest()
    bits = int.from_bytes(digest[:17], "big") >> 6
    # Written out, since a loop takes as long again.
    return (
        f"{prefix}_{_TWO[bits >> 120 & 1023]}{_TWO[bits >> 110 & 1023]}{_TWO[bits >> 100 & 1023]}"
        f"{_TWO[bits >> 90 & 1023]}{_TWO[bits >> 80 & 1023]}{_TWO[bits >> 70 & 1023]}{_TWO[bits >> 60 & 1023]}"
        f"{_TWO[bits >> 50 & 1023]}{_TWO[bits >> 40 & 1023]}{_TWO[bits >> 30 & 1023]}{_TWO[bits >> 20 & 1023]}"
        f"{_TWO[bits >> 10 & 1023]}{_TWO[bits & 1023]}"
    )


def fingerprint(*parts: bytes) -> str:
    """SHA-256 in hex over the parts with their lengths: equal only when every part is equal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def of_event(stream: str, version: int) -> str:
    """How an event is named as a cause: `stream@version`."""
    return f"{stream}@{version}"
