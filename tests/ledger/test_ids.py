"""Derived ids: the same natural key gives the same id, every other key another."""

from __future__ import annotations

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from ledger.ids import derive, fingerprint, of_event

part = st.text(max_size=8) | st.integers(-(2**63), 2**63)
parts = st.lists(part, max_size=4)


@given(st.text(max_size=4), parts, st.text(max_size=4), parts)
def test_two_natural_keys_have_one_id_only_when_they_are_equal(
    a: str, left: list[str | int], b: str, right: list[str | int]
) -> None:
    assert (derive(a, *left) == derive(b, *right)) == ((a, left) == (b, right))


@given(parts)
def test_an_id_is_its_prefix_and_26_plain_characters(natural_key: list[str | int]) -> None:
    assert re.fullmatch(r"po_[a-z2-7]{26}", derive("po", *natural_key))


def test_the_border_between_parts_counts_and_so_does_their_kind() -> None:
    assert len({derive("x", "a", "bc"), derive("x", "ab", "c"), derive("x", "abc"), derive("x", "a", "b", "c")}) == 4
    assert derive("x", 1) != derive("x", "1")


def test_ids_stay_what_they_are_for_ever() -> None:
    assert derive("sl", "ba_acb_main", "FT1|150000|credit") == "sl_s63dsiaomabsgxzr7kv4qielcv"
    assert fingerprint(b"a", b"b") == hashlib.sha256(b"\0" * 7 + b"\1a" + b"\0" * 7 + b"\1b").hexdigest()


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_a_fingerprint_tells_every_difference(left: list[bytes], right: list[bytes]) -> None:
    assert (fingerprint(*left) == fingerprint(*right)) == (left == right)


def test_an_event_is_named_by_stream_and_version() -> None:
    assert of_event("po_1", 3) == "po_1@3"
