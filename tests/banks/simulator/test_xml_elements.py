"""What is not plain XML is refused, whoever sends it."""

from __future__ import annotations

import pytest

from banks.simulator.refusals import Malformed
from banks.simulator.xml_elements import parse


@pytest.mark.parametrize(
    "raw",
    [
        *("", "<a>", "<a/><b/>", "text", "<a>text<b/></a>", "<!DOCTYPE a><a/>", "<a>&nothing;</a>"),
        "<a>" * 21 + "</a>" * 21,
    ],
)
def test_what_is_not_plain_xml_is_refused(raw: str) -> None:
    with pytest.raises(Malformed):
        parse(raw.encode())


def test_utf_8_alone_is_read() -> None:
    with pytest.raises(Malformed):
        parse("<a>Trả</a>".encode("utf-16"))
    with pytest.raises(Malformed):
        parse(b"<a>\xff</a>")


def test_elements_are_known_by_their_namespace_whatever_the_prefix() -> None:
    one = parse(b'<p:a xmlns:p="urn:x"><p:b c="1"> d </p:b></p:a>')
    assert one == parse(b'<a xmlns="urn:x"><b c="1">d</b></a>')
    assert (one.namespace, one.name, one.children[0].attributes, one.children[0].text) == (
        "urn:x",
        "a",
        {"c": "1"},
        "d",
    )
