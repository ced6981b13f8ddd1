"""How a company becomes Techcombank's customer: HTTP Basic, a client certificate, two signers, and the bank's own keys.

[assumed]: callbacks may come sealed for a key of the customer's own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from banks.simulator import keys
from banks.simulator.enrolment import BankSide, Enrolment
from banks.simulator.techcombank.signing import Signatory

API_PATH: Final = "/Partner2TCB/Payment/v3"
"""Path of the UAT address in 5.1."""
SIGNERS: Final = ("maker", "checker")


class RegisteredSigner(Struct, frozen=True):
    user: str
    public_key_pem: str


class TechcombankSide(BankSide, frozen=True, kw_only=True):
    """What Techcombank keeps. The password only as SHA-256; the private keys are the bank's own."""

    partner: str
    channel: str
    username: str
    password_sha256: str
    signers: tuple[RegisteredSigner, ...]
    sealing_key_pem: str
    signing_key_pem: str
    server_key_pem: str
    server_certificate_pem: str
    client_certificate_pem: str
    callback_key_pem: str

    __repr__ = BankSide.__repr__

    @property
    def over_tls(self) -> bool:
        """Whether the bank is met over HTTPS."""
        return self.base_url.startswith("https:")

    @property
    def signatories(self) -> tuple[Signatory, ...]:
        """Who signs, in this order."""
        return tuple(Signatory(signer.user, keys.public_key(signer.public_key_pem)) for signer in self.signers)

    def knows(self, username: str, password: str) -> bool:
        """Whether these are the customer's, compared in constant time."""
        digest = hashlib.sha256(password.encode()).hexdigest()
        right = hmac.compare_digest(digest, self.password_sha256)
        return hmac.compare_digest(username.encode(), self.username.encode()) and right


def enrol(enrolment: Enrolment) -> tuple[TechcombankSide, list[dict[str, object]]]:
    """What the bank keeps, and the customer's rows."""
    password, host = secrets.token_urlsafe(24), urlsplit(enrolment.base_url).hostname or ""
    signers = {f"SOCAI_{role.upper()}": keys.new_key() for role in SIGNERS}
    client, server, callback = keys.new_key(), keys.new_key(), keys.new_key()
    sealing, signing = keys.new_key(), keys.new_key()
    side = TechcombankSide(
        base_url=enrolment.base_url,
        partner="SOCAI",
        channel="SOCAIH2H",
        username="socai",
        password_sha256=hashlib.sha256(password.encode()).hexdigest(),
        signers=tuple(RegisteredSigner(user, keys.public_pem(key)) for user, key in signers.items()),
        sealing_key_pem=keys.private_pem(sealing),
        signing_key_pem=keys.private_pem(signing),
        server_key_pem=keys.private_pem(server),
        server_certificate_pem=keys.certificate(server, "TECHCOMBANK", host, host),
        client_certificate_pem=keys.certificate(client, enrolment.holder, "partner"),
        callback_key_pem=keys.public_pem(callback),
        accounts=enrolment.enrolled,
    )
    row = _customer_row(side, password) | {
        "holder": enrolment.holder,
        "bank_certificate_pem": keys.certificate(sealing, "TECHCOMBANK", "sealing"),
        "bank_signing_certificate_pem": keys.certificate(signing, "TECHCOMBANK", "signing"),
        "opening_key_pem": keys.private_pem(callback),
        "signers": [{"user": user, "private_key_pem": keys.private_pem(key)} for user, key in signers.items()],
    }
    if side.over_tls:
        row |= {"client_key_pem": keys.private_pem(client), "client_certificate_pem": side.client_certificate_pem}
        row["ca_pem"] = side.server_certificate_pem
    return side, [row | {"id": id_, "account_number": number} for id_, number in enrolment.accounts]


def _customer_row(side: TechcombankSide, password: str) -> dict[str, object]:
    return {
        "bank": "techcombank",
        "base_url": side.base_url + API_PATH,
        "partner": side.partner,
        "channel": side.channel,
        "username": side.username,
        "password": password,
        "envelope": "gcm",
    }
