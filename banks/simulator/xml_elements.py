"""XML from outside, read strictly into elements known by namespace and name, never by prefix.

Document types, and so entities of one's own, are refused.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from xml.parsers import expat

from banks.simulator.refusals import Malformed

DEPTH_MAX: Final = 20


class Node(NamedTuple):
    """One element as it was read. `text` is what stands between its tags, with blanks taken off its ends."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: list[Node]
    text: str


class _Builder:
    def __init__(self) -> None:
        self.open: list[tuple[Node, list[str]]] = []
        self.root: Node | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) >= DEPTH_MAX:
            raise Malformed("elements stand too deep in each other")
        namespace, _, local = name.rpartition(" ")
        self.open.append((Node(namespace, local, attributes, [], ""), []))

    def data(self, text: str) -> None:
        self.open[-1][1].append(text)

    def end(self, _name: str) -> None:
        node, pieces = self.open.pop()
        node = node._replace(text="".join(pieces).strip())
        if node.children and node.text:
            raise Malformed(f"{node.name} has text beside elements")
        if self.open:
            self.open[-1][0].children.append(node)
        else:
            self.root = node


def parse(raw: bytes) -> Node:
    """The root element of the XML in `raw`, which is UTF-8. Raises Malformed."""
    builder = _Builder()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        parser.Parse(raw.decode("utf-8"), True)
    except (UnicodeDecodeError, expat.ExpatError) as fault:
        raise Malformed(f"not XML: {fault}") from fault
    if builder.root is None:
        raise Malformed("no element")
    return builder.root


def _no_doctype(*_: object) -> None:
    raise Malformed("a document type is not taken")
