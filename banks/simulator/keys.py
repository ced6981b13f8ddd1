"""Keys and certificates made for a customer or for the bank itself, as PEM texts."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

PEM: Final = serialization.Encoding.PEM
VALID: Final = timedelta(days=3650)


def new_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key of 2048 bits."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache  # making one takes long, and all banks may share it
def stranger_pem() -> str:
    """The private key of nobody, which signs what is to be signed wrongly; PKCS #8."""
    return private_pem(new_key())


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """PKCS #8, not encrypted."""
    text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return text.decode("ascii")


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(maxsize=32)  # reading one takes longer than signing with it
def private_key(pem: str) -> rsa.RSAPrivateKey:
    """The RSA key in `pem`. Raises ValueError."""
    key = serialization.load_pem_private_key(pem.encode("ascii"), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


def public_key(pem: str) -> rsa.RSAPublicKey:
    """The RSA key in `pem`. Raises ValueError."""
    key = serialization.load_pem_public_key(pem.encode("ascii"))
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def certificate(key: rsa.RSAPrivateKey, organization: str, name: str, host: str | None = None) -> str:
    """A self-signed certificate of `key`; for a server with `host`, a name or an address."""
    parts = ((NameOID.COUNTRY_NAME, "VN"), (NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, name))
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
    return builder.sign(key, SHA256()).public_bytes(PEM).decode("ascii")


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
