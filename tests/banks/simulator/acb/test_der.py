"""Reading DER: shortest lengths only, everything consumed."""

from __future__ import annotations

import pytest
from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st

from banks.simulator.acb.der import OCTETS, SEQUENCE, BadDer, object_id, parse


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 70_000])
def test_an_octet_string_of_any_length_is_read(size: int) -> None:
    node = parse(core.OctetString(b"x" * size).dump()).expect(OCTETS)
    assert node.content == b"x" * size


def test_children_fill_their_parent() -> None:
    inner = core.OctetString(b"ab").dump()
    node = parse(bytes([SEQUENCE, 2 * len(inner)]) + inner * 2)
    assert [child.content for child in node.children()] == [b"ab", b"ab"]


@pytest.mark.parametrize("dotted", ["1.2.840.113549.1.7.2", "2.5.4.3", "0.9.2342.19200300.100.1.1", "2.999.1"])
def test_object_identifiers_are_read(dotted: str) -> None:
    assert object_id(parse(core.ObjectIdentifier(dotted).dump())) == dotted


@pytest.mark.parametrize(
    "data",
    [b"\x04", b"\x04\x02a", b"\x04\x81\x01a", b"\x04\x80a\x00\x00", b"\x04\x82\x00\x81" + b"a" * 129, b"\x1f\x1f\x00"],
    ids=["no length", "cut off", "long form of a short length", "indefinite", "leading zero", "long tag"],
)
def test_what_is_not_der_is_refused(data: bytes) -> None:
    with pytest.raises(BadDer):
        parse(data)


def test_another_tag_than_expected_is_refused() -> None:
    with pytest.raises(BadDer):
        parse(b"\x04\x00").expect(SEQUENCE)
    with pytest.raises(BadDer):
        object_id(parse(b"\x06\x00"))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    try:
        assert parse(data).encoded == data
    except BadDer:
        assert True
