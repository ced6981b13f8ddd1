"""What Techcombank gave us: the fields of a Techcombank account in the accounts file (5.1 of the bank specification).

`partner`, `channel`, `username`, `password`; `envelope` ("gcm", or "cbc" for the older generation); `signers`, one or
two `{"user": "...", "private_key_pem": "..."}`, maker before checker; `bank_certificate_pem` that `ReqInf` is sealed
for; `bank_signing_certificate_pem` that signs callbacks (one, or a list of two); `client_certificate_pem` and
`client_key_pem` for mutual TLS; and where they are needed `ca_pem`, the authority behind the bank's own certificate,
and `opening_key_pem` for callbacks that come sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.x509 import Certificate

from banks.accounts import Credentials, Entry
from banks.techcombank_envelope import Mode
from banks.techcombank_orders import Party, Signatory
from ledger.settings import Secret

SIGNERS_MAX: Final = 2
MODES: Final[Mapping[str, Mode]] = {"gcm": "gcm", "cbc": "cbc"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TechcombankCredentials(Credentials):
    """`party` is who we are in a message; the client certificate and key are there together or not at all."""

    party: Party = field(repr=False)
    username: str = field(repr=False)
    password: Secret
    bank_signing_keys: tuple[RSAPublicKey, ...] = field(repr=False)
    client_certificate: Certificate | None = field(repr=False)
    client_key: RSAPrivateKey | None = field(repr=False)
    authority: Certificate | None = field(repr=False)
    opening_key: RSAPrivateKey | None = field(repr=False)

    @classmethod
    def read(cls, entry: Entry) -> Self | None:
        party = _party(entry)
        certificate, key = _client(entry)
        # A colon would end the user name in HTTP Basic.
        username = entry.text("username", r"[!-9;-~]{1,200}", "1 to 200 visible ASCII characters without a colon")
        password, signing = entry.secret("password"), entry.public_keys("bank_signing_certificate_pem")
        authority = entry.certificate("ca_pem") if entry.optional("ca_pem") else None
        opening = entry.private_key("opening_key_pem") if entry.optional("opening_key_pem") else None
        if party is None:
            return None
        return cls(
            party=party,
            username=username,
            password=password,
            bank_signing_keys=signing,
            client_certificate=certificate,
            client_key=key,
            authority=authority,
            opening_key=opening,
        )


def _party(entry: Entry) -> Party | None:
    shape, said = r"[A-Za-z0-9_-]{1,32}", "1 to 32 letters, digits, _ and -"
    partner, channel = entry.text("partner", shape, said), entry.text("channel", shape, said)
    bank_key = entry.public_key("bank_certificate_pem")
    mode = MODES.get(entry.text("envelope", "|".join(MODES), " or ".join(MODES)))
    signatories = _signatories(entry)
    if bank_key is None or mode is None:
        return None
    return Party(partner=partner, channel=channel, signatories=signatories, bank_key=bank_key, mode=mode)


def _signatories(entry: Entry) -> tuple[Signatory, ...]:
    value = entry.raw("signers")
    if not isinstance(value, list) or not 0 < len(value) <= SIGNERS_MAX:
        entry.fault("signers", "is not a list of the people who sign (one or two)")
        return ()
    found = [_signatory(entry.below(f"signers[{index}]", signer)) for index, signer in enumerate(value)]
    signatories = tuple(one for one in found if one is not None)
    if len({one.user for one in signatories}) != len(signatories):
        entry.fault("signers", "name the same user twice")
    return signatories


def _signatory(entry: Entry) -> Signatory | None:
    user = entry.text("user", r"[A-Za-z0-9_.-]{1,64}", "the user the bank knows this signer by")
    key = entry.private_key("private_key_pem")
    return Signatory(user, key) if entry.sound() and key is not None else None


def _client(entry: Entry) -> tuple[Certificate | None, RSAPrivateKey | None]:
    """Both or neither: a simulator beside us may be met without TLS, a bank never is."""
    wanted = [entry.optional(name) for name in ("client_certificate_pem", "client_key_pem")]
    if not any(wanted):
        if str(entry.raw("base_url")).startswith("https:"):
            entry.fault("client_certificate_pem", "is missing; the bank wants to see it")
        return None, None
    certificate, key = entry.certificate("client_certificate_pem"), entry.private_key("client_key_pem")
    if certificate is not None and key is not None and certificate.public_key() != key.public_key():
        entry.fault("client_certificate_pem", "belongs to another private key")
    return certificate, key
