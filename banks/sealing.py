"""Credentials at rest: sealed under a data key of their own, which is sealed under a master key (AES-256-GCM twice).

A sealed version stands in the accounts file as `{"version": 2, "valid_until": null, "master": "...", "key": "...",
"text": "..."}`: `text` is the account's secret fields as JSON, `key` the data key, both base64 with their nonce before
them, and `master` names the master key. Account, bank, version and `valid_until` are bound to both, so that nothing
opens in another account, under another number or for longer. A data key seals once, so no nonce is used twice.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from banks.strict_json import Json, NotJson, parse
from ledger.errors import InvalidBankAccounts
from ledger.settings import Secret

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
MASTERS_MAX: Final = 4
VERSION_MAX: Final = 10**6


class NotOpened(Exception):
    """A sealed text that does not open here; the message says why in words without quoting anything."""


class Belongs(msgspec.Struct, frozen=True, kw_only=True):
    """What sealed credentials belong to: our account, its bank, and until when this version proves what comes in
    (None for the newest).
    """

    account_id: str
    bank: str
    version: int
    valid_until: datetime | None = None

    def written(self) -> bytes:
        """The associated data."""
        until = None if self.valid_until is None else self.valid_until.isoformat()
        return msgspec.json.encode(["socai bank credentials", self.account_id, self.bank, self.version, until])


class SealedVersion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version as it stands in the file. `valid_until` is an aware instant."""

    version: int
    master: str
    key: str
    text: str
    valid_until: datetime | None = None

    def of(self, account_id: str, bank: str) -> Belongs:
        """What this would belong to in that account."""
        return Belongs(account_id=account_id, bank=bank, version=self.version, valid_until=self.valid_until)


class Sealer:
    """Seals under the first of these master keys (32 bytes each) and opens under any. `token` gives random bytes."""

    def __init__(self, masters: Sequence[bytes], token: Callable[[int], bytes]) -> None:
        wrapping = [hmac.digest(master, b"socai bank credentials wrapping", "sha256") for master in masters]
        self._wrapping: Mapping[str, bytes] = {hashlib.sha256(b"id" + key).hexdigest()[:16]: key for key in wrapping}
        self._newest = next(iter(self._wrapping))
        self._token = token

    def __repr__(self) -> str:
        return "Sealer(…)"

    def seal(self, fields: Mapping[str, Json], to: Belongs) -> SealedVersion:
        """These fields under a new data key."""
        data_key = self._token(KEY_BYTES)
        text = self._encrypt(data_key, msgspec.json.encode(fields), to)
        return self._version(data_key, text, to)

    def open(self, sealed: SealedVersion, account_id: str, bank: str) -> dict[str, Json]:
        """The fields again. Raises NotOpened."""
        to = sealed.of(account_id, bank)
        try:
            fields = parse(_decrypt(self._data_key(sealed, to), sealed.text, to))
        except NotJson:
            raise NotOpened("holds no JSON") from None
        if not isinstance(fields, dict):
            raise NotOpened("holds no object")
        return dict(fields)

    def rewrap(self, sealed: SealedVersion, account_id: str, bank: str) -> SealedVersion:
        """The same with its data key under the first master key; the text is not touched. Raises NotOpened."""
        to = sealed.of(account_id, bank)
        return self._version(self._data_key(sealed, to), sealed.text, to)

    def _version(self, data_key: bytes, text: str, to: Belongs) -> SealedVersion:
        key = self._encrypt(self._wrapping[self._newest], data_key, to)
        return SealedVersion(version=to.version, valid_until=to.valid_until, master=self._newest, key=key, text=text)

    def _data_key(self, sealed: SealedVersion, to: Belongs) -> bytes:
        wrapping = self._wrapping.get(sealed.master)
        if wrapping is None:
            raise NotOpened("is sealed under a master key that is not here")
        return _decrypt(wrapping, sealed.key, to)

    def _encrypt(self, key: bytes, text: bytes, to: Belongs) -> str:
        nonce = self._token(NONCE_BYTES)
        return b64encode(nonce + AESGCM(key).encrypt(nonce, text, to.written())).decode()


def read_versions(value: Json) -> list[SealedVersion]:
    """The sealed versions of an account, newest first. Raises NotOpened for what is no such list."""
    try:
        versions = msgspec.convert(value, list[SealedVersion])
    except msgspec.ValidationError:
        raise NotOpened("is not a list of sealed versions") from None
    numbers = [one.version for one in versions]
    if not versions or numbers != sorted(set(numbers), reverse=True) or not 0 < numbers[0] <= VERSION_MAX:
        raise NotOpened("is not a list of sealed versions, newest first")
    if versions[0].valid_until is not None:
        raise NotOpened("begins with a version that was superseded")
    if any(one.valid_until is None or one.valid_until.tzinfo is None for one in versions[1:]):
        raise NotOpened("holds an earlier version without its end")
    return versions


def open_sealer(master: Secret, file: Path | None, token: Callable[[int], bytes]) -> Sealer:
    """A sealer under the keys in `file`, one a line and the newest first, or under `master` where there is no file.

    Raises InvalidBankAccounts for a file that cannot be read or holds something else.
    """
    return Sealer([b64decode(master.reveal())] if file is None else read_keys(file), token)


def read_keys(file: Path) -> list[bytes]:
    """The master keys in a file, each 32 bytes in base64 on a line of its own. Raises InvalidBankAccounts."""
    try:
        keys = [b64decode(line, validate=True) for line in file.read_bytes().split()]
    except OSError as error:
        raise InvalidBankAccounts(
            f"The master key file cannot be read ({type(error).__name__}).", field="SOCAI_MASTER_KEY_FILE"
        ) from None
    except ValueError:
        keys = []
    if not 0 < len(keys) <= MASTERS_MAX or any(len(key) != KEY_BYTES for key in keys):
        raise InvalidBankAccounts(
            f"The master key file holds 1 to {MASTERS_MAX} keys of 32 bytes in base64, one a line, newest first.",
            field="SOCAI_MASTER_KEY_FILE",
        )
    return keys


def _decrypt(key: bytes, sealed: str, to: Belongs) -> bytes:
    try:
        raw = b64decode(sealed, validate=True)
        return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], to.written())
    except (InvalidTag, ValueError):
        raise NotOpened("does not open: it was changed, or belongs to another account") from None
