"""How a company becomes ACB's customer: client credentials, a webhook key, and two signers with certificates."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from banks.simulator import keys
from banks.simulator.enrolment import ClientSide, Enrolment

API_PATH: Final = "/acb/open"
TOKEN_PATH: Final = f"{API_PATH}/iam/id/v1/auth/realms/soba/protocol/openid-connect/token"


class RegisteredSigner(Struct, frozen=True):
    authorization_id: str
    certificate_pem: str


class AcbSide(ClientSide, frozen=True, kw_only=True):
    """What ACB keeps. The client secret only as SHA-256; the webhook key in clear, because the bank sends it."""

    provider_id: str
    webhook_key: str
    signers: tuple[RegisteredSigner, ...]

    __repr__ = ClientSide.__repr__


def enrol(enrolment: Enrolment) -> tuple[AcbSide, list[dict[str, object]]]:
    """What the bank keeps, and the customer's rows."""
    client_secret = secrets.token_urlsafe(32)
    signers = [_signer(enrolment.holder, role) for role in ("maker", "checker")]
    bank_side = AcbSide(
        base_url=enrolment.base_url,
        client_id=secrets.token_hex(16),
        client_secret_sha256=hashlib.sha256(client_secret.encode()).hexdigest(),
        provider_id="SOCAI",
        webhook_key=enrolment.webhook_key or secrets.token_urlsafe(32),
        signers=tuple(RegisteredSigner(signer["authorization_id"], signer["certificate_pem"]) for signer in signers),
        accounts=enrolment.enrolled,
    )
    rows = [
        _customer_row(bank_side, client_secret, signers, account, enrolment.holder) for account in enrolment.accounts
    ]
    return bank_side, rows


def with_webhook_key(
    known: AcbSide, rows: list[dict[str, object]], key: str
) -> tuple[AcbSide, list[dict[str, object]]]:
    """The same enrolment with another key for webhooks."""
    return replace(known, webhook_key=key), [row | {"webhook_key": key} for row in rows]


def _customer_row(
    bank_side: AcbSide, client_secret: str, signers: list[dict[str, str]], account: tuple[str, str], holder: str
) -> dict[str, object]:
    return {
        "id": account[0],
        "bank": "acb",
        "account_number": account[1],
        "holder": holder,
        "base_url": bank_side.base_url + API_PATH,
        "token_url": bank_side.base_url + TOKEN_PATH,
        "client_id": bank_side.client_id,
        "client_secret": client_secret,
        "provider_id": bank_side.provider_id,
        "webhook_key": bank_side.webhook_key,
        "signers": signers,
    }


def _signer(holder: str, role: str) -> dict[str, str]:
    """A fresh RSA key with a self-signed certificate for one of the two people who authorize."""
    key = keys.new_key()
    return {
        "authorization_id": str(uuid.uuid4()),
        "private_key_pem": keys.private_pem(key),
        "certificate_pem": keys.certificate(key, holder, role),
    }
