"""How a company becomes the bank's customer: keys, certificates, client credentials and accounts, made once.

Two files come out of it, both readable by their owner only: `simulator.json` is the bank's side (certificates and
digests, no private key, no client secret), `accounts.json` the customer's side with everything it needs to sign.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from msgspec import Struct

from banks.simulator.refusals import Unusable

API_PATH: Final = "/acb/open"
TOKEN_PATH: Final = f"{API_PATH}/iam/id/v1/auth/realms/soba/protocol/openid-connect/token"
BANK_FILE: Final = "simulator.json"
CUSTOMER_FILE: Final = "accounts.json"


class EnrolledAccount(Struct, frozen=True):
    """An account with its opening balance in dong."""

    number: str
    name: str
    balance: int


class RegisteredSigner(Struct, frozen=True):
    authorization_id: str
    certificate_pem: str


class BankSide(Struct, frozen=True, kw_only=True):
    """What the bank keeps. The client secret only as SHA-256; the webhook key in clear, because the bank sends it."""

    base_url: str
    client_id: str
    client_secret_sha256: str
    provider_id: str
    webhook_key: str
    signers: tuple[RegisteredSigner, ...]
    accounts: tuple[EnrolledAccount, ...]

    def __repr__(self) -> str:
        return f"BankSide(base_url={self.base_url!r}, accounts={len(self.accounts)})"

    def knows_secret(self, secret: str) -> bool:
        """Whether `secret` is the client secret, compared in constant time."""
        return hmac.compare_digest(hashlib.sha256(secret.encode()).hexdigest(), self.client_secret_sha256)


def load(directory: Path) -> BankSide:
    """The bank's side of the enrolment in `directory`. Raises Unusable when there is none or it cannot be read."""
    path = directory / BANK_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=BankSide)
    except (OSError, msgspec.MsgspecError) as fault:
        advice = "run: python -m banks.simulator enrol --keys DIR --base-url URL"
        raise Unusable(f"no usable enrolment at {path} ({fault}); {advice}") from fault


def enrol(
    directory: Path,
    base_url: str,
    *,
    accounts: tuple[tuple[str, str], ...],
    holder: str,
    balance: int = 0,
    webhook_key: str | None = None,
) -> bool:
    """Enrol `accounts` (our id, account number) of `holder`; true when something was written.

    An enrolment for the same `base_url` is kept, except that another `webhook_key` replaces the old one on both sides.
    """
    base_url = base_url.rstrip("/")
    if _kept(directory, base_url, webhook_key):
        return False
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = webhook_key or secrets.token_urlsafe(32)
    client_secret = secrets.token_urlsafe(32)
    signers = [_signer(holder, role) for role in ("maker", "checker")]
    bank_side = BankSide(
        base_url=base_url,
        client_id=secrets.token_hex(16),
        client_secret_sha256=hashlib.sha256(client_secret.encode()).hexdigest(),
        provider_id="SOCAI",
        webhook_key=key,
        signers=tuple(RegisteredSigner(signer["authorization_id"], signer["certificate_pem"]) for signer in signers),
        accounts=tuple(EnrolledAccount(number, holder, balance) for _, number in accounts),
    )
    rows = [_customer_row(bank_side, client_secret, signers, account, holder) for account in accounts]
    _write(directory / CUSTOMER_FILE, {"bank_accounts": rows})
    _write(directory / BANK_FILE, bank_side)
    return True


def _kept(directory: Path, base_url: str, webhook_key: str | None) -> bool:
    """Whether both files are there for `base_url`; brings a newly given webhook key into them."""
    if not (directory / BANK_FILE).exists() or not (directory / CUSTOMER_FILE).exists():
        return False
    known = load(directory)
    if known.base_url != base_url:
        return False
    if webhook_key is not None and webhook_key != known.webhook_key:
        rows = msgspec.json.decode((directory / CUSTOMER_FILE).read_bytes(), type=dict[str, list[dict[str, object]]])
        for row in rows["bank_accounts"]:
            row["webhook_key"] = webhook_key
        _write(directory / CUSTOMER_FILE, rows)
        _write(directory / BANK_FILE, msgspec.structs.replace(known, webhook_key=webhook_key))
    return True


def _customer_row(
    bank_side: BankSide,
    client_secret: str,
    signers: list[dict[str, str]],
    account: tuple[str, str],
    holder: str,
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
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    parts = ((NameOID.COUNTRY_NAME, "VN"), (NameOID.ORGANIZATION_NAME, holder), (NameOID.COMMON_NAME, role))
    name = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .sign(key, SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "authorization_id": str(uuid.uuid4()),
        "private_key_pem": private.decode("ascii"),
        "certificate_pem": certificate.public_bytes(pem).decode("ascii"),
    }


def _write(path: Path, value: object) -> None:
    """Write `value` as JSON for the owner's eyes only, whole or not at all."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    os.replace(beside, path)
