"""Our accounts at banks, with what each bank gave us to prove who we are: read once, all faults reported together.

The file is JSON: `{"bank_accounts": [{"id": "ba_acb_main", "bank": "acb", "account_number": "12345678",
"holder": "...", "base_url": "https://...", "token_url": "https://...", "client_id": "...", "client_secret": "...",
"provider_id": "...", "webhook_key": "..." or ["new", "old"], "signers": [{"authorization_id": "...",
"private_key_pem": "...", "certificate_pem": "..."}, ...]}]}`. Secrets never show in repr, messages or problems.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate

from banks.strict_json import Json, NotJson, parse
from ledger.errors import InvalidBankAccounts
from ledger.settings import Secret

ACCOUNTS_MAX: Final = 200
WEBHOOK_KEYS_MAX: Final = 2
WEBHOOK_KEY_MIN: Final = 16
SIGNERS_MAX: Final = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Signer:
    """One of the people whose signature a bank wants under an order: the id it knows, the key and its certificate."""

    authorization_id: str
    private_key: RSAPrivateKey = field(repr=False)
    certificate: Certificate = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """One account of ours at one bank. `id` is our own name for it; `webhook_keys` are valid side by side."""

    id: str
    bank: str
    account_number: str = field(repr=False)
    holder: str = field(repr=False)
    base_url: str
    token_url: str
    client_id: str = field(repr=False)
    client_secret: Secret
    provider_id: str = field(repr=False)
    webhook_keys: tuple[Secret, ...]
    signers: tuple[Signer, ...]


def load_accounts(path: Path) -> dict[str, BankAccount]:
    """Our bank accounts by id, from the JSON file at `path`.

    Raises InvalidBankAccounts that lists every fault with its place, and quotes no value.
    """
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise InvalidBankAccounts(
            f"The file cannot be read ({type(error).__name__}); SOCAI_BANK_ACCOUNTS names it.", field="bank_accounts"
        ) from None
    except NotJson as error:
        raise InvalidBankAccounts(f"The file is not JSON we take: {error}.", field="bank_accounts") from None
    faults: list[str] = []
    entries = document.get("bank_accounts") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= ACCOUNTS_MAX:
        raise InvalidBankAccounts(f"The file holds a list of 1 to {ACCOUNTS_MAX} accounts.", field="bank_accounts")
    found: dict[str, BankAccount] = {}
    for index, entry in enumerate(entries):
        account = _account(_Entry(entry, f"bank_accounts[{index}]", faults))
        if account is not None and account.id in found:
            faults.append(f"bank_accounts[{index}].id stands there twice")
        elif account is not None:
            found[account.id] = account
    if faults:
        raise InvalidBankAccounts("; ".join(faults) + ".", field="bank_accounts", faults=len(faults))
    return found


class _Entry:
    """An object of the file whose fields are taken one by one; what is wrong or left over becomes a fault."""

    def __init__(self, value: Json, where: str, faults: list[str]) -> None:
        self.where = where
        self._faults = faults
        self._fields: Mapping[str, Json] = value if isinstance(value, dict) else {}
        self._taken: set[str] = set()
        self._faults_before = len(faults)
        if not isinstance(value, dict):
            faults.append(f"{where} is not an object")

    def text(self, name: str, pattern: str, what: str) -> str:
        value = self.raw(name)
        if isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL):
            return value
        self.fault(name, f"is missing; it holds {what}" if value is None else f"is not {what}")
        return ""

    def raw(self, name: str) -> Json:
        self._taken.add(name)
        return self._fields.get(name)

    def fault(self, name: str, what: str) -> None:
        self._faults.append(f"{self.where}.{name} {what}")

    def below(self, name: str, value: Json) -> _Entry:
        return _Entry(value, f"{self.where}.{name}", self._faults)

    def sound(self) -> bool:
        """Whether nothing was wrong here since the entry was opened. Call it last: what nobody took is a fault."""
        for name in sorted(set(self._fields) - self._taken):
            # Our own names only: an unknown key might itself be a secret in the wrong place.
            shown = name if re.fullmatch(r"[a-z_]{1,40}", name) else "(unprintable)"
            self.fault(shown, "is not a field of a bank account")
        return len(self._faults) == self._faults_before


def _account(entry: _Entry) -> BankAccount | None:
    short = r"[!-~]{1,200}"
    values = {
        "id": entry.text("id", r"[a-z][a-z0-9_]{2,63}", "an id such as ba_acb_main"),
        "bank": entry.text("bank", r"[a-z][a-z0-9]{1,31}", "the code of a bank, such as acb"),
        "account_number": entry.text("account_number", r"[0-9A-Za-z]{1,19}", "1 to 19 letters and digits"),
        "holder": entry.text("holder", r".{1,140}", "the name the account stands in"),
        "base_url": _url(entry, "base_url"),
        "token_url": _url(entry, "token_url"),
        "client_id": entry.text("client_id", short, "1 to 200 visible ASCII characters"),
        "provider_id": entry.text("provider_id", short, "1 to 200 visible ASCII characters"),
    }
    secret = Secret(entry.text("client_secret", short, "1 to 200 visible ASCII characters"))
    keys = _webhook_keys(entry)
    signers = _signers(entry)
    if not entry.sound():
        return None
    return BankAccount(**values, client_secret=secret, webhook_keys=keys, signers=signers)


def _url(entry: _Entry, name: str) -> str:
    """https anywhere; plain http only to this machine or to a host without a dot (a service beside us)."""
    value = entry.text(name, r"https?://[!-~]{1,300}", "an https address")
    try:
        parts = urlsplit(value)
        host, odd = parts.hostname or "", bool(parts.username or parts.query or parts.fragment or parts.port == 0)
    except ValueError:
        host, odd = "", True
    if value and (not host or odd):
        entry.fault(name, "is an address without user, query and fragment")
    elif value and parts.scheme == "http" and "." in host and not host.startswith("127."):
        entry.fault(name, "must be https")
    return value.rstrip("/")


def _webhook_keys(entry: _Entry) -> tuple[Secret, ...]:
    value = entry.raw("webhook_key")
    keys = value if isinstance(value, list) else [value]
    good = [key for key in keys if isinstance(key, str) and re.fullmatch(rf"[!-~]{{{WEBHOOK_KEY_MIN},200}}", key)]
    if not 0 < len(keys) <= WEBHOOK_KEYS_MAX or len(good) != len(keys):
        entry.fault(
            "webhook_key",
            f"is not one key, or two while one replaces the other, of {WEBHOOK_KEY_MIN} or more characters",
        )
    return tuple(Secret(key) for key in good)


def _signers(entry: _Entry) -> tuple[Signer, ...]:
    value = entry.raw("signers")
    if not isinstance(value, list) or len(value) > SIGNERS_MAX:
        entry.fault("signers", "is not a list of the people who sign (none, one or two)")
        return ()
    found = [_signer(entry.below(f"signers[{index}]", signer)) for index, signer in enumerate(value)]
    signers = tuple(signer for signer in found if signer is not None)
    if len({signer.authorization_id for signer in signers}) != len(signers):
        entry.fault("signers", "name the same authorization_id twice")
    return signers


def _signer(entry: _Entry) -> Signer | None:
    authorization_id = entry.text("authorization_id", r"[!-~]{1,64}", "the id the bank gave this signer")
    key = _private_key(entry)
    certificate = _pem(entry, "certificate_pem", x509.load_pem_x509_certificate)
    if not entry.sound() or key is None or certificate is None:
        return None
    if certificate.public_key() != key.public_key():
        entry.fault("certificate_pem", "belongs to another private key")
        return None
    return Signer(authorization_id, key, certificate)


def _private_key(entry: _Entry) -> RSAPrivateKey | None:
    key = _pem(entry, "private_key_pem", lambda pem: load_pem_private_key(pem, password=None))
    if key is None or isinstance(key, RSAPrivateKey):
        return key
    entry.fault("private_key_pem", "is not an RSA key")
    return None


def _pem(entry: _Entry, name: str, load: Callable[[bytes], T]) -> T | None:
    text = entry.text(name, r"-----BEGIN .+", "PEM text")
    if not text:
        return None
    try:
        return load(text.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        entry.fault(name, "cannot be read as PEM without a password")
        return None
