"""Checking a CMS / PKCS#7 SignedData message (RFC 5652) as recipe step 6 of the payment order wants it.

One signer, SHA-1 with RSA, content and certificate included. SHA-1 is the bank's choice (2.1.5 of the bank wire
specification), not ours.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1

from banks.simulator.acb.der import INTEGER, OCTETS, SEQUENCE, SET, BadDer, Node, object_id, parse

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SHA_1: Final = "1.3.14.3.2.26"
RSA_ALGORITHMS: Final = ("1.2.840.113549.1.1.1", "1.2.840.113549.1.1.5")
CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1


class BadSignature(ValueError):
    """A message that is well formed and not signed as it must be."""


class Signed(NamedTuple):
    """A SignedData with one signer, taken apart. `attributes` is the encoded [0] of the signer, None when absent."""

    content: bytes
    certificate: bytes
    digest_algorithm: str
    signature_algorithm: str
    attributes: Node | None
    signature: bytes


def read(message: bytes) -> Signed:
    """Take `message` apart. Raises BadDer when it is not SignedData with content, one certificate and one signer."""
    outer = parse(message).expect(SEQUENCE).children()
    if len(outer) != 2 or object_id(outer[0]) != SIGNED_DATA:
        raise BadDer("not SignedData")
    (body,) = _exactly(outer[1].expect(CONTEXT_0).children(), 1, "content")
    parts = body.expect(SEQUENCE).children()
    if len(parts) < 4:
        raise BadDer("SignedData lacks parts")
    content = _content(parts[2])
    (certificate,) = _exactly(_one_tagged(parts[3:-1], CONTEXT_0).children(), 1, "certificate")
    (signer,) = _exactly(parts[-1].expect(SET).children(), 1, "signer")
    return _signer(signer.expect(SEQUENCE).children(), content, certificate)


def _exactly(nodes: list[Node], count: int, what: str) -> list[Node]:
    if len(nodes) != count:
        raise BadDer(f"{len(nodes)} times {what} where {count} was expected")
    return nodes


def _one_tagged(nodes: list[Node], tag: int) -> Node:
    return _exactly([node for node in nodes if node.tag == tag], 1, f"part {tag:#04x}")[0]


def _content(node: Node) -> bytes:
    parts = node.expect(SEQUENCE).children()
    if len(parts) != 2 or object_id(parts[0]) != DATA:
        raise BadDer("content is detached or not plain data")
    (octets,) = _exactly(parts[1].expect(CONTEXT_0).children(), 1, "octet string")
    return octets.expect(OCTETS).content


def _signer(parts: list[Node], content: bytes, certificate: Node) -> Signed:
    attributes = parts[3] if len(parts) > 3 and parts[3].tag == CONTEXT_0 else None
    rest = parts[4:] if attributes is not None else parts[3:]
    if len(rest) < 2:
        raise BadDer("signer lacks parts")
    _check_identifier(parts[1], certificate)
    return Signed(
        content=content,
        certificate=certificate.encoded,
        digest_algorithm=object_id(parts[2].expect(SEQUENCE).children()[0]),
        signature_algorithm=object_id(rest[0].expect(SEQUENCE).children()[0]),
        attributes=attributes,
        signature=rest[1].expect(OCTETS).content,
    )


def _check_identifier(identifier: Node, certificate: Node) -> None:
    """The signer must be named by issuer and serial number, and these must be the enclosed certificate's."""
    named = identifier.expect(SEQUENCE).children()
    body = certificate.expect(SEQUENCE).children()[0].expect(SEQUENCE).children()
    body = body[1:] if body and body[0].tag == CONTEXT_0 else body
    if len(named) != 2 or len(body) < 3:
        raise BadDer("signer is not named by issuer and serial number")
    if named[0].encoded != body[2].encoded or named[1].expect(INTEGER).content != body[0].expect(INTEGER).content:
        raise BadDer("signer is not the owner of the enclosed certificate")


def verify(signed: Signed) -> None:
    """Check digest, attributes and RSA signature against the enclosed certificate. Raises BadSignature or BadDer."""
    if signed.digest_algorithm != SHA_1 or signed.signature_algorithm not in RSA_ALGORITHMS:
        raise BadSignature("must be SHA1withRSA")
    key = x509.load_der_x509_certificate(signed.certificate).public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadSignature("the certificate holds no RSA key")
    text = signed.content if signed.attributes is None else _attribute_bytes(signed.attributes, signed.content)
    try:
        key.verify(signed.signature, text, padding.PKCS1v15(), SHA1())  # noqa: S303 - the bank asks for SHA-1
    except InvalidSignature as fault:
        raise BadSignature("the signature does not belong to this content and certificate") from fault


def _attribute_bytes(attributes: Node, content: bytes) -> bytes:
    """What was signed: the attributes as a SET; they must state the content's type and SHA-1 digest."""
    values: dict[str, Node] = {}
    for attribute in attributes.children():
        kind, value = _exactly(attribute.expect(SEQUENCE).children(), 2, "attribute part")
        (values[object_id(kind)],) = _exactly(value.expect(SET).children(), 1, "attribute value")
    if CONTENT_TYPE not in values or MESSAGE_DIGEST not in values:
        raise BadSignature("signed attributes lack content type or message digest")
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    if object_id(values[CONTENT_TYPE]) != DATA or not hmac.compare_digest(values[MESSAGE_DIGEST].content, digest):
        raise BadSignature("signed attributes belong to another content")
    return bytes([SET]) + attributes.encoded[1:]
