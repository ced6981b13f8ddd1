"""Bodies are read so that two readers could not understand them differently."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.test import EnvironBuilder

from ledger.errors import UnreadableBody
from web.bodies import SIZE_MAX, parse, read_body, read_query
from web.fields import Nothing
from web.payouts import PayoutAsked
from web.problems import FaultyFields, UnsupportedMediaType


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"amount": 1500000',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b"[" * 100_000,
        b'{"a": ' * 20 + b"1" + b"}" * 20,
        b"+AHsAfQ-",
        b'\xef\xbb\xbf{"a": 1}',
        b"{'a': 1}",
        b'{"a": 1} {"a": 2}',
        b'{"a": 01}',
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableBody) as refused:
        parse(raw)
    assert refused.value.field == ""


@pytest.mark.parametrize("number", ["1.5", "1e3", "-0.0", "1" * 19, "-" + "9" * 30])
def test_a_number_that_is_not_plain_stays_text_for_its_field_to_refuse(number: str) -> None:
    assert parse(f'{{"amount": {number}}}'.encode()) == {"amount": number}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
        max_leaves=5,
    )
)
def test_whatever_is_taken_is_what_json_says(value: object) -> None:
    raw = json.dumps(value).encode()
    try:
        assert parse(raw) == value
    except UnreadableBody as refused:
        assert "deeply" in refused.detail  # noqa: PT017  # nothing else is refused of what json writes


def request(raw: bytes, headers: Mapping[str, str] | None = None) -> Request:
    sent = {"Content-Type": "application/json"} | dict(headers or {})
    builder = EnvironBuilder(method="POST", data=raw, headers=list(sent.items()))
    return Request(builder.get_environ())


def test_no_body_at_all_says_nothing() -> None:
    assert read_body(Request(EnvironBuilder(method="POST").get_environ()), Nothing) == {}


def test_a_body_that_is_no_object_is_refused() -> None:
    with pytest.raises(UnreadableBody):
        read_body(request(b"[]"), Nothing)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=utf-7"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_another_form_of_body_is_refused_with_the_header_named(headers: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMediaType) as refused:
        read_body(request(b"{}", headers), Nothing)
    assert refused.value.field in headers


def test_a_body_above_the_bound_is_not_read() -> None:
    with pytest.raises(RequestEntityTooLarge):
        read_body(request(b" " * (SIZE_MAX + 1)), Nothing)


def test_every_fault_of_a_body_is_told() -> None:
    with pytest.raises(FaultyFields) as refused:
        read_body(request(b'{"amount": 1.5, "x": 1}'), PayoutAsked)
    assert [fault.field for fault in refused.value.faults] == ["amount", "currency", "beneficiary", "x"]


def test_a_parameter_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(FaultyFields) as refused:
        read_query({"limit": ["1", "2"]}, Nothing())
    assert (refused.value.place, refused.value.faults[0].field) == ("parameter", "limit")
