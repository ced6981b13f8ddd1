"""XML from outside: what is refused, what is read, and that what we write reads back."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banks.strict_xml import (
    ATTRIBUTES_MAX,
    DEPTH_MAX,
    ELEMENTS_MAX,
    Markup,
    NotXml,
    element,
    leaf,
    parse,
)

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<x>&c;</x>"""

REFUSED: dict[str, tuple[bytes, str]] = {
    "billion laughs": (LAUGHS, "document type"),
    "an outside entity": (
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
        "document type",
    ),
    "an outside parameter entity": (
        b'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:9/e.dtd">%e;]><x/>',
        "document type",
    ),
    "an outside type": (b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>', "document type"),
    "an empty type": (b"<!DOCTYPE x><x/>", "document type"),
    "an entity nobody declared": (b"<x>&e;</x>", "well-formed"),
    "a processing instruction": (b'<x><?php echo "1"?></x>', "processing instruction"),
    "a style sheet": (b'<?xml-stylesheet href="http://127.0.0.1:9/"?><x/>', "processing instruction"),
    "UTF-16": ("<x>ab</x>".encode("utf-16"), "not UTF-8"),
    "UTF-16 without a mark": ("<x>ab</x>".encode("utf-16-le"), "not UTF-8"),
    "UTF-16 by declaration": (b'<?xml version="1.0" encoding="utf-16"?><x/>', "not UTF-8|well-formed"),
    "UTF-7": (b'<?xml version="1.0" encoding="utf-7"?><x>+ADw-y/+AD4-</x>', "not UTF-8"),
    "Latin-1": (b'<?xml version="1.0" encoding="iso-8859-1"?><x>\xe9</x>', "not UTF-8|well-formed"),
    "a broken sign": (b"<x>\xff</x>", "not UTF-8"),
    "half a surrogate pair": (b"<x>\xed\xa0\x80</x>", "not UTF-8"),
    "a zero byte": (b"<x>\x00</x>", "not UTF-8"),
    "a sign XML has not": (b"<x>&#8;</x>", "well-formed"),
    "a prefix nobody bound": (b"<v1:x/>", "well-formed"),
    "a doubled attribute": (b'<x a="1" a="2"/>', "well-formed"),
    "two roots": (b"<x/><y/>", "well-formed"),
    "no end": (b"<x><y></y>", "well-formed"),
    "nothing": (b"", "well-formed"),
    "text": (b"hello", "well-formed"),
    "JSON": (b'{"a":1}', "well-formed"),
    "HTML": (b"<html><body><br></body></html>", "well-formed"),
    "text beside elements": (b"<x>a<y/></x>", "text beside"),
    "too deep": (b"<x>" * (DEPTH_MAX + 1) + b"</x>" * (DEPTH_MAX + 1), "deeply"),
    "too many elements": (b"<x>" + b"<y/>" * ELEMENTS_MAX + b"</x>", "too many"),
    "too many attributes": (
        b"<x " + b" ".join(b'a%d="1"' % n for n in range(ATTRIBUTES_MAX + 1)) + b"/>",
        "too many",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_harm_or_deceive_is_refused(name: str) -> None:
    raw, why = REFUSED[name]
    with pytest.raises(NotXml, match=why) as refusal:
        parse(raw)
    assert "passwd" not in str(refusal.value)


def test_an_outside_reference_is_never_followed(tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's own path
    secret = tmp_path / "secret"
    secret.write_text("planted-secret")
    with pytest.raises(NotXml):
        parse(f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]><x>&e;</x>'.encode())


def test_more_bytes_than_agreed_are_refused_before_they_are_read() -> None:
    with pytest.raises(NotXml, match="more than 10 bytes"):
        parse(b"<x></x>    ", size_max=10)


def test_the_limits_themselves_are_taken() -> None:
    assert parse(b"<x>" * DEPTH_MAX + b"</x>" * DEPTH_MAX).name == "x"
    assert len(parse(b"<x>" + b"<y/>" * (ELEMENTS_MAX - 1) + b"</x>").children) == ELEMENTS_MAX - 1
    assert parse(b"<x></x>   ", size_max=10).name == "x"


def test_elements_are_known_by_namespace_and_not_by_prefix() -> None:
    for raw in (
        b'<a:x xmlns:a="urn:one"><a:y>1</a:y></a:x>',
        b'<b:x xmlns:b="urn:one"><c:y xmlns:c="urn:one">1</c:y></b:x>',
        b'<x xmlns="urn:one"><y>1</y></x>',
    ):
        root = parse(raw)
        assert (root.namespace, root.name) == ("urn:one", "x")
        assert root.said("y") == "1"
    foreign = parse(b'<x xmlns="urn:one"><y xmlns="urn:two">1</y></x>')
    assert foreign.maybe("y") is None
    assert foreign.said("y") == ""


def test_what_is_wanted_once_must_stand_there_once() -> None:
    root = parse(b"<x><y>1</y><y>2</y><z><w>3</w></z></x>")
    for read in (root.maybe, root.only, root.said):
        with pytest.raises(NotXml, match="2 times"):
            read("y")
    with pytest.raises(NotXml, match="z/v: missing"):
        root.only("z", "v")
    with pytest.raises(NotXml, match="not a text"):
        root.said("z")
    assert root.said("z", "w") == "3"
    assert [one.text for one in root.all("y")] == ["1", "2"]
    assert [one.name for one in root.below()] == ["y", "y", "z", "w"]


def test_text_is_whole_whatever_stands_inside_it() -> None:
    assert parse(b"<x>\n  ab<!-- c -->d<![CDATA[<e>]]>&amp;f \t</x>").text == "abd<e>&f"


def test_attributes_are_read_without_those_of_other_namespaces() -> None:
    assert parse(b'<x a="1" b:c="2" xmlns:b="urn:b"/>').attributes == {"a": "1"}


def test_an_element_shows_its_name_only() -> None:
    assert repr(parse(b"<x>secret</x>")) == str(parse(b"<x>secret</x>")) == "Element(x)"


# writing


def test_what_is_written_is_escaped() -> None:
    assert leaf("x", "<a> & 'b' \"c\"", user='"&<') == escape_expected()
    assert element("x") == leaf("x") == "<x/>"
    assert element("p:x", leaf("y", "1"), xmlns="urn:one") == '<p:x xmlns="urn:one"><y>1</y></p:x>'


def escape_expected() -> Markup:
    return Markup(f"<x user='\"&amp;&lt;'>{escape('<a> & ')}'b' \"c\"</x>")


@pytest.mark.parametrize("sign", ["\x00", "\x08", "\x1f", "\ud800", "\ufffe"])
def test_a_sign_that_xml_cannot_hold_is_not_written(sign: str) -> None:
    with pytest.raises(NotXml, match="cannot hold"):
        leaf("x", f"a{sign}")
    with pytest.raises(NotXml, match="cannot hold"):
        leaf("x", "a", user=sign)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")),
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")),
)
def test_what_is_written_reads_back(text: str, value: str) -> None:
    root = parse(element("x", leaf("y", text, a=value), leaf("z", "end")).encode())
    assert root.said("y") == text.strip(" \t\r\n")
    assert root.only("y").attributes == {"a": value}
    assert root.said("z") == "end"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        parse(b"<x>" + raw + b"</x>")
    except NotXml:
        return
