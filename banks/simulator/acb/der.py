"""Reading DER, the encoding of certificates and signatures: enough of X.690 to take a CMS message apart.

An own reader rather than a library, so that the bank does not check a signature with the code that made it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SEQUENCE: Final = 0x30
SET: Final = 0x31
OBJECT_ID: Final = 0x06
OCTETS: Final = 0x04
INTEGER: Final = 0x02


class BadDer(ValueError):
    """Bytes that are not DER of the expected shape."""


class Node(NamedTuple):
    """One element: its tag byte, its content, and the whole encoding it came from."""

    tag: int
    content: bytes
    encoded: bytes

    def children(self) -> list[Node]:
        """The elements inside, which must fill the content exactly."""
        found: list[Node] = []
        rest = self.content
        while rest:
            node, rest = _first(rest)
            found.append(node)
        return found

    def expect(self, tag: int) -> Node:
        """This node. Raises BadDer when its tag is another."""
        if self.tag != tag:
            raise BadDer(f"tag {self.tag:#04x} where {tag:#04x} was expected")
        return self


def parse(data: bytes) -> Node:
    """The single element that `data` is; nothing may follow it. Raises BadDer."""
    node, rest = _first(data)
    if rest:
        raise BadDer(f"{len(rest)} bytes after the end")
    return node


def _first(data: bytes) -> tuple[Node, bytes]:
    if len(data) < 2 or data[0] & 0x1F == 0x1F:
        raise BadDer("an element is cut off or has a long tag")
    length, start = data[1], 2
    if length >= 0x80:
        count = length & 0x7F
        start = 2 + count
        if not 1 <= count <= 4 or len(data) < start:
            raise BadDer("indefinite or oversized length")
        length = int.from_bytes(data[2:start], "big")
        if length < 0x80 or data[2] == 0:
            raise BadDer("length is not in its shortest form")
    end = start + length
    if len(data) < end:
        raise BadDer("an element is longer than what is there")
    return Node(data[0], data[start:end], data[:end]), data[end:]


def object_id(node: Node) -> str:
    """The dotted form of an object identifier. Raises BadDer for another kind of node."""
    content = node.expect(OBJECT_ID).content
    if not content or content[-1] & 0x80:
        raise BadDer("object identifier is cut off")
    arcs, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(str(arc) for arc in (first, arcs[0] - 40 * first, *arcs[1:]))
