"""XML from outside, read strictly, and XML of ours, written with every sign escaped.

Refused are document type declarations, and with them every entity of their own and every outside reference, processing
instructions, another encoding than UTF-8, text beside elements, and more depth, elements, attributes and bytes than
agreed. Elements are known by namespace and name, never by prefix; what a reader wants once must stand there once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NewType, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

import msgspec

SIZE_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 24
ELEMENTS_MAX: Final = 20_000
ATTRIBUTES_MAX: Final = 16

Markup = NewType("Markup", str)
"""Text that is XML already. Only this file makes it from other text."""

_BLANK: Final = " \t\r\n"
_UNWRITABLE: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NotXml(Exception):
    """These bytes are not XML we take, or not the XML looked for. The message says why and quotes nothing of them."""


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """One element: its namespace ("" for none), name, attributes without namespace, and either children or text
    (blanks around it taken off). Shows its name only.
    """

    namespace: str
    name: str
    attributes: Mapping[str, str]
    children: tuple[Element, ...]
    text: str

    def all(self, name: str) -> list[Element]:
        """The children of this name in this element's own namespace."""
        return [child for child in self.children if (child.namespace, child.name) == (self.namespace, name)]

    def maybe(self, *path: str) -> Element | None:
        """The one element down this path, None if a step is missing. Raises NotXml when a step is there twice."""
        found: Element = self
        for name in path:
            steps = found.all(name)
            if len(steps) > 1:
                raise NotXml(f"{name}: stands {len(steps)} times")
            if not steps:
                return None
            found = steps[0]
        return found

    def only(self, *path: str) -> Element:
        """The one element down this path. Raises NotXml when it is missing or there twice."""
        found = self.maybe(*path)
        if found is None:
            raise NotXml(f"{'/'.join(path)}: missing")
        return found

    def said(self, *path: str) -> str:
        """The text of the one element down this path, "" when there is none. Raises NotXml when it is no text."""
        found = self.maybe(*path)
        if found is None:
            return ""
        if found.children:
            raise NotXml(f"{'/'.join(path)}: not a text")
        return found.text

    def below(self) -> Iterator[Element]:
        """Every element under this one, in the order of the document."""
        waiting = list(reversed(self.children))
        while waiting:
            found = waiting.pop()
            yield found
            waiting.extend(reversed(found.children))

    def __repr__(self) -> str:
        return f"Element({self.name})"

    __str__ = __repr__


def parse(raw: bytes, *, size_max: int = SIZE_MAX) -> Element:
    """The root element of `raw` (UTF-8 XML, at most `size_max` bytes). Raises NotXml."""
    if len(raw) > size_max:
        raise NotXml(f"more than {size_max} bytes")
    if b"\x00" in raw:
        # Expat takes such bytes for UTF-16, whatever encoding it was told.
        raise NotXml("not UTF-8")
    reader = _Reader()
    try:
        reader.expat.Parse(raw.decode("utf-8"), True)
    except UnicodeDecodeError:
        raise NotXml("not UTF-8") from None
    except expat.ExpatError as error:
        raise NotXml(f"not well-formed at line {error.lineno}") from None
    return reader.root()


class _Reader:
    """Builds the tree while expat reads; whatever is not agreed raises out of its handler and ends the reading."""

    def __init__(self) -> None:
        self.expat = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self.expat.buffer_text = True
        self.expat.StartElementHandler = self._open
        self.expat.EndElementHandler = self._close
        self.expat.CharacterDataHandler = self._said
        self.expat.XmlDeclHandler = self._declared
        for handler, what in (
            ("StartDoctypeDeclHandler", "a document type declaration"),
            ("EntityDeclHandler", "an entity declaration"),
            ("ExternalEntityRefHandler", "an outside reference"),
            ("SkippedEntityHandler", "an unknown entity"),
            ("ProcessingInstructionHandler", "a processing instruction"),
        ):
            setattr(self.expat, handler, _refusal(what))
        self._path: list[_Opened] = []
        self._root: Element | None = None
        self._count = 0

    def root(self) -> Element:
        if self._root is None:
            raise NotXml("no element")
        return self._root

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        del version, standalone
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii"):
            raise NotXml("not UTF-8")

    def _open(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if len(self._path) >= DEPTH_MAX:
            raise NotXml("nested too deeply")
        if self._count > ELEMENTS_MAX or len(attributes) > ATTRIBUTES_MAX:
            raise NotXml("too many elements or attributes")
        self._path.append(_Opened({key: value for key, value in attributes.items() if " " not in key}))

    def _said(self, text: str) -> None:
        self._path[-1].texts.append(text)

    def _close(self, name: str) -> None:
        opened = self._path.pop()
        namespace, _, local = name.rpartition(" ")
        text = "".join(opened.texts).strip(_BLANK)
        if text and opened.children:
            raise NotXml("text beside elements")
        element = Element(
            namespace=namespace,
            name=local,
            attributes=opened.attributes,
            children=tuple(opened.children),
            text=text,
        )
        if self._path:
            self._path[-1].children.append(element)
        else:
            self._root = element


class _Opened:
    """An element whose end has not come yet."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.attributes = attributes
        self.children: list[Element] = []
        self.texts: list[str] = []


def _refusal(what: str) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise NotXml(what)

    return refuse


# writing


def leaf(name: str, text: str = "", **attributes: str) -> Markup:
    """`<name>text</name>`. Raises NotXml for signs that XML cannot hold."""
    return element(name, _escaped(text), **attributes)


def element(name: str, *children: Markup, **attributes: str) -> Markup:
    """An element around `children`. A name may carry a prefix; `xmlns` is given as an attribute."""
    named = "".join(f" {key}={quoteattr(_writable(value))}" for key, value in attributes.items())
    inner = "".join(children)
    return Markup(f"<{name}{named}>{inner}</{name}>" if inner else f"<{name}{named}/>")


def _escaped(text: str) -> Markup:
    return Markup(escape(_writable(text)))


def _writable(text: str) -> str:
    if _UNWRITABLE.search(text):
        raise NotXml("a sign that XML cannot hold")
    return text
