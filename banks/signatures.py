"""Signatures and keys between banks and us: ACB's CMS recipe, and the comparison of keys given with a notice.

The recipe is chapter 2.1.5 of the bank wire specification: SHA-256 over the Base64 of the JSON, its hex text in
UTF-16LE, wrapped into a CMS SignedData with SHA-1 and RSA. `cryptography` builds no CMS with SHA-1, so the structure is
put together with `asn1crypto` and only the RSA operation is left to `cryptography`. SHA-1 here is the bank's choice;
what is signed is itself a SHA-256 digest.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509 import Certificate

Digest: TypeAlias = Literal["sha1", "sha256"]

DIGESTS: Final = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303  # SHA-1 where a bank wants no other


def acb_digest(data: bytes) -> str:
    """Steps 2 to 4 of the recipe: lower-case hex SHA-256 of the Base64 text of `data` (the JSON exactly as sent)."""
    return hashlib.sha256(b64encode(data)).hexdigest()


def acb_authorization(data: bytes, key: RSAPrivateKey, certificate: Certificate) -> str:
    """The `authorizationString` of one signer over `data`: Base64 of the CMS, content and certificate included.

    No signing time is put in, so the same order signed twice gives the same bytes.
    """
    content = acb_digest(data).encode("utf-16-le")
    attributes = _signed_attributes(content)
    # The signature covers the attributes as a SET OF, which is how this type encodes itself outside SignerInfo.
    signature = key.sign(attributes.dump(), PKCS1v15(), hashes.SHA1())  # noqa: S303  # the bank's own recipe
    signer = asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
    signed = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [{"algorithm": "sha1"}],
            "encap_content_info": {"content_type": "data", "content": content},
            "certificates": [signer],
            "signer_infos": [_signer_info(signer, attributes, signature)],
        }
    )
    return b64encode(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump()).decode("ascii")


def rsa_signature(data: bytes, key: RSAPrivateKey, digest: Digest) -> str:
    """Base64 of the RSA signature, PKCS #1 v1.5, over `data`."""
    return b64encode(key.sign(data, PKCS1v15(), DIGESTS[digest])).decode("ascii")


def signature_bytes(text: str) -> bytes:
    """The bytes of a signature given in Base64. Raises ValueError.

    Only the one text that stands for these bytes is taken. Python's decoder, like most, overlooks the bits left over in
    the last character (RFC 4648, 3.5), so other texts would pass for the same signature.
    """
    signature = b64decode(text, validate=True)
    if b64encode(signature).decode("ascii") != text:
        raise ValueError
    return signature


def is_rsa_signature(text: str, data: bytes, keys: Iterable[RSAPublicKey], digest: Digest) -> bool:
    """Whether `text` is the Base64 of such a signature over `data` by one of `keys`."""
    try:
        signature = signature_bytes(text)
    except ValueError:
        return False
    for key in keys:
        try:
            key.verify(signature, data, PKCS1v15(), DIGESTS[digest])
        except InvalidSignature:
            continue
        return True
    return False


def key_matches(given: Iterable[str], keys: Iterable[str]) -> bool:
    """Whether any given key is one of ours. Every pair is compared, in constant time, whatever came before."""
    ours = [hashlib.sha256(key.encode()).digest() for key in keys]
    matches = False
    for value in given:
        digest = hashlib.sha256(value.encode("utf-8", "surrogateescape")).digest()
        for key in ours:
            matches |= hmac.compare_digest(digest, key)
    return matches


def _signed_attributes(content: bytes) -> cms.CMSAttributes:
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return cms.CMSAttributes(
        [
            cms.CMSAttribute({"type": "content_type", "values": ["data"]}),
            cms.CMSAttribute({"type": "message_digest", "values": [core.OctetString(digest)]}),
        ]
    )


def _signer_info(signer: asn1_x509.Certificate, attributes: cms.CMSAttributes, signature: bytes) -> cms.SignerInfo:
    issuer = cms.IssuerAndSerialNumber({"issuer": signer.issuer, "serial_number": signer.serial_number})
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": issuer}),
            "digest_algorithm": {"algorithm": "sha1"},
            "signed_attrs": attributes,
            "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
            "signature": signature,
        }
    )
