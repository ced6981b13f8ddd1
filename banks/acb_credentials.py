"""What ACB gave us: the fields of an ACB account in the accounts file (2.1.1, 2.1.5 and 2.1.9 of the specification).

`token_url`, `client_id`, `client_secret`, `provider_id`, `webhook_key` (one, or a list of two), and `signers`, a list
of `{"authorization_id": "...", "private_key_pem": "...", "certificate_pem": "..."}`, maker before checker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509 import Certificate

from banks.accounts import Credentials, Entry
from ledger.settings import Secret

SIGNERS: Final = 2


@dataclass(frozen=True, slots=True)
class Signer:
    """One of the people whose signature the bank wants under an order: the id it knows, the key and its certificate."""

    authorization_id: str
    private_key: RSAPrivateKey = field(repr=False)
    certificate: Certificate = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcbCredentials(Credentials):
    """`webhook_keys` are valid side by side; `signers` are maker and checker, in this order."""

    token_url: str
    client_id: str = field(repr=False)
    client_secret: Secret
    provider_id: str = field(repr=False)
    webhook_keys: tuple[Secret, ...]
    signers: tuple[Signer, ...]

    @classmethod
    def read(cls, entry: Entry) -> Self | None:
        return cls(
            token_url=entry.url("token_url"),
            client_id=entry.short("client_id"),
            client_secret=entry.secret("client_secret"),
            provider_id=entry.short("provider_id"),
            webhook_keys=entry.secrets("webhook_key"),
            signers=_signers(entry),
        )


def _signers(entry: Entry) -> tuple[Signer, ...]:
    value = entry.raw("signers")
    if not isinstance(value, list) or len(value) > SIGNERS:
        entry.fault("signers", "is not a list of the people who sign (none, one or two)")
        return ()
    found = [_signer(entry.below(f"signers[{index}]", signer)) for index, signer in enumerate(value)]
    signers = tuple(signer for signer in found if signer is not None)
    if len({signer.authorization_id for signer in signers}) != len(signers):
        entry.fault("signers", "name the same authorization_id twice")
    return signers


def _signer(entry: Entry) -> Signer | None:
    authorization_id = entry.text("authorization_id", r"[!-~]{1,64}", "the id the bank gave this signer")
    key = entry.private_key("private_key_pem")
    certificate = entry.certificate("certificate_pem")
    if not entry.sound() or key is None or certificate is None:
        return None
    if certificate.public_key() != key.public_key():
        entry.fault("certificate_pem", "belongs to another private key")
        return None
    return Signer(authorization_id, key, certificate)
