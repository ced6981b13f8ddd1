"""XML read strictly and written with any prefix."""

from __future__ import annotations

import pytest

from banks.simulator.refusals import Malformed
from banks.simulator.techcombank.soap import COLLECTION, STYLES, Tree, body, message, only, parts, style, text
from banks.simulator.xml_elements import parse


@pytest.mark.parametrize("prefixes", sorted(STYLES))
def test_what_is_written_is_read_whatever_its_prefixes(prefixes: str) -> None:
    tree: Tree = ("A", [("B", "x < y & z"), ("C", [("D", "Trả")])])
    found = body(message(tree, COLLECTION, STYLES[prefixes]).encode())
    assert (found.namespace, found.name) == (COLLECTION, "A")
    assert text(parts(found, "B", "C")["B"], ".*", "anything") == "x < y & z"
    assert only(found._replace(children=found.children[1:]), "C", "D").text == "Trả"


def test_prefixes_come_by_turns_or_stay() -> None:
    assert {style("rotate", turn) for turn in range(3)} == set(STYLES.values())
    assert {style("ns", turn) for turn in range(3)} == {("S", "ns2")}


@pytest.mark.parametrize("raw", ["<a><b/></a>", "<a><c/><b/></a>", "<a><b/><c/><c/></a>", "<a><b/><c/><d/></a>"])
def test_parts_are_all_there_once_and_in_order(raw: str) -> None:
    with pytest.raises(Malformed):
        parts(parse(raw.encode()), "b", "c", "e?")


def test_parts_know_what_may_be_left_out() -> None:
    assert set(parts(parse(b"<a><b/><c/></a>"), "b", "c", "e?")) == {"b", "c"}
    assert set(parts(parse(b"<a><b/><c/><e/></a>"), "b", "c", "e?")) == {"b", "c", "e"}


@pytest.mark.parametrize("raw", ['<a xmlns:o="urn:o"><o:b/></a>', '<a x="1"><b/></a>'])
def test_other_namespaces_and_attributes_are_refused(raw: str) -> None:
    with pytest.raises(Malformed):
        parts(parse(raw.encode()), "b")
