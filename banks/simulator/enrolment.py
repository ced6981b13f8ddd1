"""How a company becomes a bank's customer: keys, credentials and accounts, made once.

Two files come out of it in the bank's directory, both readable by their owner only: `simulator.json` is the bank's side
(nothing the bank would not have), `accounts.json` the customer's side with everything it needs to sign. What both hold
is the bank's own affair (Personality.enrol).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from banks.simulator.refusals import Unusable

if TYPE_CHECKING:
    from banks.simulator.personality import Personality

BANK_FILE: Final = "simulator.json"
CUSTOMER_FILE: Final = "accounts.json"


class EnrolledAccount(Struct, frozen=True):
    """An account with its opening balance in dong, and what the customer calls it."""

    number: str
    name: str
    balance: int
    id: str = ""


class BankSide(Struct, frozen=True, kw_only=True):
    """What every bank keeps of a customer. A bank adds what proves him, secrets as digests only. `feed_key` proves what
    an aggregator tells of his accounts, where one does.
    """

    base_url: str
    accounts: tuple[EnrolledAccount, ...]
    feed_key: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self.base_url!r}, accounts={len(self.accounts)})"


class ClientSide(BankSide, frozen=True, kw_only=True):
    """What a bank keeps of a customer who proves himself with a client id and secret, the secret as SHA-256 only."""

    client_id: str
    client_secret_sha256: str

    __repr__ = BankSide.__repr__

    def knows_secret(self, secret: str) -> bool:
        """Whether `secret` is the client secret, compared in constant time."""
        return hmac.compare_digest(hashlib.sha256(secret.encode()).hexdigest(), self.client_secret_sha256)


class Enrolment(Struct, frozen=True, kw_only=True):
    """Whom to take on: where the bank will listen, accounts (the customer's id, account number), their holder and
    opening balance in dong. `webhook_key` is made up when not given.
    """

    base_url: str
    accounts: tuple[tuple[str, str], ...]
    holder: str = "CONG TY SOCAI"
    balance: int = 0
    webhook_key: str | None = None

    @property
    def enrolled(self) -> tuple[EnrolledAccount, ...]:
        """The accounts as a bank keeps them."""
        return tuple(EnrolledAccount(number, self.holder, self.balance, id_) for id_, number in self.accounts)


def load(directory: Path, kind: type[Personality]) -> Any:  # the kind says which BankSide it is
    """The bank's side of the enrolment in `directory`. Raises Unusable when there is none or it cannot be read."""
    path = directory / BANK_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind.bank_side)
    except (OSError, msgspec.MsgspecError) as fault:
        advice = "run: python -m banks.simulator enrol --keys DIR --bank CODE=URL"
        raise Unusable(f"no usable enrolment at {path} ({fault}); {advice}") from fault


def enrol(directory: Path, kind: type[Personality], enrolment: Enrolment) -> bool:
    """Enrol a customer at the bank `kind`; true when something was written. Raises Unusable.

    An enrolment for the same `base_url` is kept, except that another `webhook_key` replaces the old one on both sides.
    """
    enrolment = msgspec.structs.replace(enrolment, base_url=enrolment.base_url.rstrip("/"))
    key = enrolment.webhook_key
    if kept := _kept(directory, kind, enrolment):
        if key is None:
            return False
        bank_side, rows = kind.with_webhook_key(kept, customer_rows(directory), key)
        if bank_side == kept:
            return False
    else:
        bank_side, rows = kind.enrol(enrolment)
        if kind.profile.aggregated:
            bank_side, rows = _with_feed(bank_side, rows)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_rows(directory, rows)
    _write(directory / BANK_FILE, bank_side)
    return True


def _with_feed(side: BankSide, rows: list[dict[str, object]]) -> tuple[BankSide, list[dict[str, object]]]:
    """The enrolment at an aggregator that watches these accounts, under a key it made for the customer."""
    key = secrets.token_urlsafe(32)
    return msgspec.structs.replace(side, feed_key=key), [
        row | {"feed": {"source": "sepay", "key": key}} for row in rows
    ]


def _kept(directory: Path, kind: type[Personality], enrolment: Enrolment) -> BankSide | None:
    """The enrolment that is there already, if it is for the same address."""
    if not (directory / BANK_FILE).exists() or not (directory / CUSTOMER_FILE).exists():
        return None
    known: BankSide = load(directory, kind)
    return known if known.base_url == enrolment.base_url else None


def customer_rows(directory: Path) -> list[dict[str, object]]:
    """The customer's side in `directory`, an account a row."""
    raw = (directory / CUSTOMER_FILE).read_bytes()
    return msgspec.json.decode(raw, type=dict[str, list[dict[str, object]]])["bank_accounts"]


def write_rows(directory: Path, rows: Sequence[dict[str, object]]) -> None:
    """Write the customer's side into `directory`."""
    _write(directory / CUSTOMER_FILE, {"bank_accounts": rows})


def _write(path: Path, value: object) -> None:
    """Write `value` as JSON for the owner's eyes only, whole or not at all."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with open(beside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    os.replace(beside, path)
