"""Strict JSON: what two readers could understand differently is refused, and no float comes out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.strict_json import DEPTH_MAX, NotJson, parse


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{} {}",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b'{"\\udc00":1}',
        b"1" * 19,
        b"[" * 100_000,
        b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1),
        b'{"a":' * 30 + b"1" + b"}" * 30,
        b"'a'",
        b"<html>",
    ],
    ids=lambda raw: raw[:12].decode("latin-1"),
)
def test_what_is_not_plain_json_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJson):
        parse(raw)


def test_a_fraction_stays_the_text_it_was() -> None:
    assert parse(b"[1.50, 1e3, 0.0, -2.5]") == ["1.50", "1e3", "0.0", "-2.5"]


def test_more_bytes_than_agreed_are_refused() -> None:
    assert parse(b'"abc"', size_max=5) == "abc"
    with pytest.raises(NotJson, match="more than 4 bytes"):
        parse(b'"abc"', size_max=4)


def test_the_refusal_quotes_nothing() -> None:
    with pytest.raises(NotJson) as refusal:
        parse(b'{"secret":"planted"')
    assert "planted" not in str(refusal.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_ordinary_values_come_out_as_they_went_in(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value
