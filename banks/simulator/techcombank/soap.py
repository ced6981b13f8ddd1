"""SOAP 1.1: messages from outside read strictly, the bank's own written with prefixes that change.

Elements are known by namespace and name, never by prefix (5.1 of the bank wire specification). [assumed]: children
stand in the order the specification lists them in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias
from xml.sax.saxutils import escape, quoteattr

from banks.simulator.refusals import Malformed
from banks.simulator.xml_elements import Node, parse

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
COLLECTION: Final = "http://www.techcombank.com.vn/services/bank/collection/v1"
ACCOUNT: Final = "http://www.techcombank.com.vn/account/v1"

Prefixes = Literal["rotate", "v1", "ns", "none"]
STYLES: Final[dict[str, tuple[str, str]]] = {"v1": ("soapenv", "v1"), "ns": ("S", "ns2"), "none": ("soap", "")}
"""Prefix of the envelope and of what it holds: seen with `soapenv:`/`S:` and `v1:`/`ns:`."""


def body(raw: bytes) -> Node:
    """The one element in the body of the SOAP message `raw`. Raises Malformed."""
    envelope = parse(raw)
    if (envelope.namespace, envelope.name) != (ENVELOPE, "Envelope"):
        raise Malformed("the root must be a SOAP 1.1 Envelope")
    held = parts(envelope, "Header?", "Body")["Body"].children
    if len(held) != 1:
        raise Malformed("Body must hold one element")
    return held[0]


def parts(node: Node, *names: str) -> dict[str, Node]:
    """The children of `node`, exactly those of `names` in this order, each once, in its namespace; a name that ends
    in `?` may be left out. Raises Malformed.
    """
    found = {child.name: child for child in node.children}
    wanted = [name.rstrip("?") for name in names if not name.endswith("?") or name[:-1] in found]
    given = [child.name for child in node.children]
    if given != wanted:
        raise Malformed(f"{node.name} must hold {', '.join(names)}, in this order; it holds {', '.join(given)}")
    if any(child.namespace != node.namespace for child in node.children):
        raise Malformed(f"a child of {node.name} stands in another namespace")
    if node.attributes:
        raise Malformed(f"{node.name} has attributes")
    return found


def only(node: Node, *path: str) -> Node:
    """The element down `path`, every step of which has one child only. Raises Malformed."""
    for name in path:
        node = parts(node, name)[name]
    return node


def text(node: Node, pattern: str, meaning: str) -> str:
    """The text of `node`, matched in full by `pattern`; `meaning` says in words what is allowed. Raises Malformed."""
    if node.children or node.attributes or not re.fullmatch(pattern, node.text):
        raise Malformed(f"{node.name} must be {meaning}")
    return node.text


Tree: TypeAlias = tuple[str, str | Sequence["Tree"]]
"""An element to be written: its name, and its text or its children."""


def style(prefixes: Prefixes, turn: int) -> tuple[str, str]:
    """The prefixes of the message number `turn`."""
    return STYLES[prefixes] if prefixes != "rotate" else list(STYLES.values())[turn % len(STYLES)]


def message(tree: Tree, namespace: str, styled: tuple[str, str]) -> str:
    """A SOAP message that holds `tree`."""
    outer, inner = styled
    head = f'<?xml version="1.0" encoding="UTF-8"?><{outer}:Envelope xmlns:{outer}={quoteattr(ENVELOPE)}>'
    return f"{head}<{outer}:Body>{element(tree, namespace, inner)}</{outer}:Body></{outer}:Envelope>"


def element(tree: Tree, namespace: str, prefix: str) -> str:
    """`tree` as an element that declares its namespace."""
    declared = f"xmlns:{prefix}" if prefix else "xmlns"
    return _written(tree, f"{prefix}:" if prefix else "", f" {declared}={quoteattr(namespace)}")


def _written(tree: Tree, prefix: str, declared: str = "") -> str:
    name, held = tree
    content = escape(held) if isinstance(held, str) else "".join(_written(child, prefix) for child in held)
    return f"<{prefix}{name}{declared}>{content}</{prefix}{name}>"


def fault(kind: Literal["Client", "Server"], reason: str, styled: tuple[str, str]) -> str:
    """A SOAP fault; its parts stand in no namespace."""
    outer = styled[0]
    head = f'<?xml version="1.0" encoding="UTF-8"?><{outer}:Envelope xmlns:{outer}={quoteattr(ENVELOPE)}>'
    said = f"<faultcode>{outer}:{kind}</faultcode><faultstring>{escape(reason)}</faultstring>"
    return f"{head}<{outer}:Body><{outer}:Fault>{said}</{outer}:Fault></{outer}:Body></{outer}:Envelope>"
