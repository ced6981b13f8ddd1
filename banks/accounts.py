"""Our accounts at banks, with what each bank gave us to prove who we are: read once, all faults reported together.

The file is JSON: `{"bank_accounts": [{"id": "ba_acb_main", "bank": "acb", "account_number": "12345678",
"holder": "...", "base_url": "https://...", ...}]}`. The other fields of an account are its bank's own, and each bank
states them in its own file by a subclass of Credentials. An account whose movements an aggregator tells carries
`"feed": {"source": "sepay", "key": "..." or ["new", "old"]}`. Instead of all these an account may hold `"sealed"`, its
versions as `banks/sealing.py` has them. Secrets never show in repr, messages or problems.
"""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import Certificate

from banks.sealing import NotOpened, Sealer, read_versions
from banks.strict_json import Json, NotJson, parse
from ledger.errors import InvalidBankAccounts
from ledger.settings import Secret

ACCOUNTS_MAX: Final = 200
SECRETS_MAX: Final = 2
SECRET_MIN: Final = 16

SHORT: Final = r"[!-~]{1,200}"
SHORT_SAID: Final = "1 to 200 visible ASCII characters"

T = TypeVar("T")


class Credentials(ABC):
    """What one bank gave us, in a shape of its own: a frozen dataclass that hides every secret in it."""

    @classmethod
    @abstractmethod
    def read(cls, entry: Entry) -> Self | None:
        """Takes the bank's own fields from an account of the file. None when one is missing or wrong; the entry has
        noted which.
        """


C = TypeVar("C", bound=Credentials)


@dataclass(frozen=True, slots=True)
class FeedAccess:
    """Which aggregator tells of an account's movements, and the keys its messages are proven by, side by side."""

    source: str
    keys: tuple[Secret, ...]


@dataclass(frozen=True, slots=True)
class EarlierCredentials:
    """What was replaced, and until which instant it still proves what comes in."""

    credentials: Credentials = field(repr=False)
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """One account of ours at one bank. `id` is our own name for it; `credentials` are of its bank's own class; `feed`
    is there when an aggregator tells of its movements; `earlier` are credentials that were replaced, newest first;
    `stamp` is the digest of its entry in the file, empty where it comes from none.
    """

    id: str
    bank: str
    account_number: str = field(repr=False)
    holder: str = field(repr=False)
    base_url: str
    credentials: Credentials = field(repr=False)
    feed: FeedAccess | None = None
    earlier: tuple[EarlierCredentials, ...] = ()
    stamp: str = field(default="", repr=False, compare=False)

    def credentials_as(self, kind: type[C]) -> C:
        """The credentials, which must be of this class. Raises InvalidBankAccounts."""
        if not isinstance(self.credentials, kind):
            raise InvalidBankAccounts("This account holds the credentials of another bank.", field=self.id)
        return self.credentials


def read_accounts(
    path: Path,
    classes: Mapping[str, type[Credentials]],
    feeds: Collection[str] = (),
    sealer: Sealer | None = None,
) -> dict[str, BankAccount]:
    """Our bank accounts by id, from the JSON file at `path`. `classes`: the credentials of each bank, by its code;
    `feeds`: the codes of the aggregators there are; `sealer` opens what is sealed.

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
        where = f"bank_accounts[{index}]"
        if isinstance(entry, dict) and "sealed" in entry:
            account = _sealed_account(entry, where, faults, lambda one: _account(one, classes, feeds), sealer)
        else:
            account = _account(Entry(entry, where, faults), classes, feeds)
        if account is not None and account.id in found:
            faults.append(f"bank_accounts[{index}].id stands there twice")
        elif account is not None:
            found[account.id] = replace(account, stamp=_digest(entry))
    if faults:
        raise InvalidBankAccounts("; ".join(faults) + ".", field="bank_accounts", faults=len(faults))
    return found


class Entry:
    """An object of the file whose fields are taken one by one; what is wrong or left over becomes a fault. Every
    method that takes a field notes a fault with its place and goes on with an empty value.
    """

    def __init__(self, value: Json, where: str, faults: list[str]) -> None:
        self.where = where
        self._faults = faults
        self._fields: Mapping[str, Json] = value if isinstance(value, dict) else {}
        self._taken: set[str] = set()
        self._faults_before = len(faults)
        if not isinstance(value, dict):
            faults.append(f"{where} is not an object")

    def text(self, name: str, pattern: str, what: str) -> str:
        """A text of this pattern; `what` says in words what belongs there."""
        value = self.raw(name)
        if isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL):
            return value
        self.fault(name, f"is missing; it holds {what}" if value is None else f"is not {what}")
        return ""

    def raw(self, name: str) -> Json:
        """Whatever stands there, None if nothing does."""
        self._taken.add(name)
        return self._fields.get(name)

    def fault(self, name: str, what: str) -> None:
        """Notes what is wrong with a field, without quoting it."""
        self._faults.append(f"{self.where}.{name} {what}")

    def below(self, name: str, value: Json) -> Entry:
        """An object inside this one, with its own place."""
        return Entry(value, f"{self.where}.{name}", self._faults)

    def optional(self, name: str) -> bool:
        """Whether a field that may be left out is there."""
        return self.raw(name) is not None

    def url(self, name: str) -> str:
        """https anywhere; plain http only to this machine or to a host without a dot (a service beside us)."""
        value = self.text(name, r"https?://[!-~]{1,300}", "an https address")
        try:
            parts = urlsplit(value)
            host, odd = parts.hostname or "", bool(parts.username or parts.query or parts.fragment or parts.port == 0)
        except ValueError:
            host, odd = "", True
        if value and (not host or odd):
            self.fault(name, "is an address without user, query and fragment")
        elif value and parts.scheme == "http" and "." in host and not host.startswith("127."):
            self.fault(name, "must be https")
        return value.rstrip("/")

    def short(self, name: str) -> str:
        """A name or id that a bank gave us."""
        return self.text(name, SHORT, SHORT_SAID)

    def secret(self, name: str) -> Secret:
        """A secret that a bank gave us."""
        return Secret(self.short(name))

    def secrets(self, name: str) -> tuple[Secret, ...]:
        """One secret of ours, or two while one replaces the other; long enough not to be guessed."""
        value = self.raw(name)
        keys = value if isinstance(value, list) else [value]
        good = [key for key in keys if isinstance(key, str) and re.fullmatch(rf"[!-~]{{{SECRET_MIN},200}}", key)]
        if not 0 < len(keys) <= SECRETS_MAX or len(good) != len(keys):
            self.fault(name, f"is not one key, or two while one replaces the other, of {SECRET_MIN} or more characters")
        return tuple(Secret(key) for key in good)

    def private_key(self, name: str) -> RSAPrivateKey | None:
        """An RSA private key as PEM text without a password."""
        key = self._pem(name, self.raw(name), lambda pem: load_pem_private_key(pem, password=None))
        if key is None or isinstance(key, RSAPrivateKey):
            return key
        self.fault(name, "is not an RSA key")
        return None

    def public_key(self, name: str) -> RSAPublicKey | None:
        """A bank's RSA public key as PEM text, bare or in a certificate."""
        return self._public_key(name, self.raw(name))

    def public_keys(self, name: str) -> tuple[RSAPublicKey, ...]:
        """One such key of a bank, or two while one replaces the other."""
        value = self.raw(name)
        texts = value if isinstance(value, list) else [value]
        if not 0 < len(texts) <= SECRETS_MAX:
            self.fault(name, "is not one key, or two while one replaces the other")
            return ()
        keys = [self._public_key(name, text) for text in texts]
        return tuple(key for key in keys if key is not None)

    def certificate(self, name: str) -> Certificate | None:
        """A certificate as PEM text."""
        return self._pem(name, self.raw(name), x509.load_pem_x509_certificate)

    def _public_key(self, name: str, value: Json) -> RSAPublicKey | None:
        key = self._pem(name, value, _load_public_key)
        if key is None or isinstance(key, RSAPublicKey):
            return key
        self.fault(name, "is not an RSA key")
        return None

    def _pem(self, name: str, value: Json, load: Callable[[bytes], T]) -> T | None:
        if not isinstance(value, str) or not value.startswith("-----BEGIN "):
            self.fault(name, "is missing; it holds PEM text" if value is None else "is not PEM text")
            return None
        try:
            return load(value.encode())
        except (ValueError, TypeError, UnsupportedAlgorithm):
            self.fault(name, "cannot be read as PEM without a password")
            return None

    def sound(self) -> bool:
        """Whether nothing was wrong here since the entry was opened. Call it last: what nobody took is a fault."""
        for name in sorted(set(self._fields) - self._taken):
            # Our own names only: an unknown key might itself be a secret in the wrong place.
            shown = name if re.fullmatch(r"[a-z_]{1,40}", name) else "(unprintable)"
            self.fault(shown, "is not a field of a bank account")
        return len(self._faults) == self._faults_before


def _digest(entry: Json) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()


def _sealed_account(
    entry: dict[str, Json],
    where: str,
    faults: list[str],
    read: Callable[[Entry], BankAccount | None],
    sealer: Sealer | None,
) -> BankAccount | None:
    """Each version is read as an account of its own, with what stands in clear beside it."""
    clear = {name: value for name, value in entry.items() if name != "sealed"}
    found: list[tuple[BankAccount | None, datetime | None]] = []
    try:
        if sealer is None:
            raise NotOpened("cannot be opened without a master key")
        for place, version in enumerate(read_versions(entry["sealed"])):
            fields = sealer.open(version, str(entry.get("id")), str(entry.get("bank")))
            if fields.keys() & clear.keys():
                raise NotOpened("holds fields that stand beside it too; `python -m banks seal` makes one of them")
            found.append((read(Entry({**clear, **fields}, f"{where}.sealed[{place}]", faults)), version.valid_until))
    except NotOpened as error:
        faults.append(f"{where}.sealed {error}")
        return None
    earlier = [EarlierCredentials(one.credentials, until) for one, until in found if one is not None and until]
    newest = found[0][0]
    return None if newest is None else replace(newest, earlier=tuple(earlier))


def _account(entry: Entry, classes: Mapping[str, type[Credentials]], feeds: Collection[str]) -> BankAccount | None:
    values = {
        "id": entry.text("id", r"[a-z][a-z0-9_]{2,63}", "an id such as ba_acb_main"),
        "bank": entry.text("bank", r"[a-z][a-z0-9]{1,31}", "the code of a bank, such as acb"),
        "account_number": entry.text("account_number", r"[0-9A-Za-z]{1,19}", "1 to 19 letters and digits"),
        "holder": entry.text("holder", r".{1,140}", "the name the account stands in"),
        "base_url": entry.url("base_url"),
    }
    if values["bank"] not in classes:
        if values["bank"]:
            entry.fault("bank", f"is none of {', '.join(classes)}")
        # Which other fields belong here depends on the bank, so nothing can be said of them.
        return None
    credentials = classes[values["bank"]].read(entry)
    feed = _feed(entry.below("feed", entry.raw("feed")), feeds) if entry.optional("feed") else None
    if not entry.sound() or credentials is None:
        return None
    return BankAccount(
        id=values["id"],
        bank=values["bank"],
        account_number=values["account_number"],
        holder=values["holder"],
        base_url=values["base_url"],
        credentials=credentials,
        feed=feed,
    )


def _feed(entry: Entry, feeds: Collection[str]) -> FeedAccess | None:
    source = entry.text("source", r"[a-z][a-z0-9]{1,31}", f"one of {', '.join(sorted(feeds))}")
    if source and source not in feeds:
        entry.fault("source", f"is none of {', '.join(sorted(feeds))}")
    keys = entry.secrets("key")
    return FeedAccess(source, keys) if entry.sound() else None


def _load_public_key(pem: bytes) -> object:
    if pem.startswith(b"-----BEGIN CERTIFICATE"):
        return x509.load_pem_x509_certificate(pem).public_key()
    return load_pem_public_key(pem)
