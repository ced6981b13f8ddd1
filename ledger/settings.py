"""Settings: read once from the environment, all faults reported together; a secret hides itself."""

from __future__ import annotations

import re
import shlex
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from ledger.event_log import PROVIDERS


class Secret:
    """A value that never shows: not in repr, str, logs or problems. `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: call it only where it is used."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class OperatorKey(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's API key: who, with which role, and the SHA-256 digest of the key (hex)."""

    name: str
    role: str
    digest: str


class SettingsInvalid(Exception):
    """The environment does not add up; the message lists every fault with the variable and what it should hold."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every process is told by its environment. Variable names stand beside the fields in NAMES."""

    event_store_url: str
    event_store_committer: Path | None = None
    read_tables_url: str
    redis_url: str
    master_key: Secret
    master_key_file: Path | None = None
    operator_keys: tuple[OperatorKey, ...]
    bank_accounts: Path
    web_host: str
    web_port: int
    public_url: str
    webhook_allow_private: bool
    bank_calls: int | None = None

    def __repr__(self) -> str:
        # URLs may hold passwords, so nothing of it is printed.
        return "Settings(…)"

    __str__ = __repr__


NAMES: Final = {
    "EVENT_STORE_URL": "where events are kept: mongodb://host:port/database?replicaSet=rs0,"
    " mysql://user:password@host:port/schema or sqlite:///path",
    "EVENT_STORE_COMMITTER": "socket of this host's committer, where there is one (default: none)",
    "READ_TABLES_URL": "where read tables are kept: mysql+mysqlconnector://… or sqlite:///path",
    "REDIS_URL": "where jobs are rung: redis://host:port/0",
    "SOCAI_MASTER_KEY": "32 bytes in base64 that seal personal data; make them with: head -c 32 /dev/urandom | base64",
    "SOCAI_MASTER_KEY_FILE": "path of a file with the master keys of bank credentials, one a line, newest first"
    " (default: SOCAI_MASTER_KEY seals them too)",
    "SOCAI_OPERATOR_KEYS": "name:role:sha256-of-key (hex), separated by commas; may be empty",
    "SOCAI_BANK_ACCOUNTS": "path of the JSON file with our bank accounts and their credentials",
    "SOCAI_WEB_HOST": "address the web server listens on (default 127.0.0.1)",
    "SOCAI_WEB_PORT": "port the web server listens on (default 8080)",
    "SOCAI_PUBLIC_URL": "where merchants and banks reach us (default http://host:port)",
    "SOCAI_WEBHOOK_ALLOW_PRIVATE": "1 lets merchants' webhook addresses be local: for development only (default 0)",
    "SOCAI_BANK_CALLS": "calls a minute that every bank takes, in the place of its own pace: for a bank lab only"
    " (default 0: each bank's own)",
}

ROLES: Final = ("admin", "approver", "auditor")
"""What an operator may be: registers merchants and settles; approves payouts; reads."""


def with_local_stage(environment: Mapping[str, str], file: Path = Path(".run/env")) -> Mapping[str, str]:
    """The environment, or for a command line started without one what `make up` wrote for its stage.

    `file` holds NAME=value lines, quoted as a shell does. It is looked at only when EVENT_STORE_URL is not set.
    """
    if "EVENT_STORE_URL" in environment or not file.is_file():
        return environment
    pairs = (line.partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs} | dict(environment)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in a mapping of environment variables. Raises SettingsInvalid naming every fault at once."""
    faults: list[str] = []

    def take(name: str, check: Callable[[str], object], default: str | None = None) -> object:
        value = environment.get(name, default)
        try:
            if value is None:
                raise ValueError("is missing")
            return check(value)
        except ValueError as error:
            faults.append(f"{name} {error}; it holds {NAMES[name]}")
            return None

    host = environment.get("SOCAI_WEB_HOST", "127.0.0.1")
    port = environment.get("SOCAI_WEB_PORT", "8080")
    values = {
        "event_store_url": take("EVENT_STORE_URL", _url(*PROVIDERS)),
        "event_store_committer": take("EVENT_STORE_COMMITTER", lambda value: Path(value) if value else None, ""),
        "read_tables_url": take("READ_TABLES_URL", _url("mysql+mysqlconnector", "sqlite")),
        "redis_url": take("REDIS_URL", _url("redis", "rediss", "unix")),
        "master_key": take("SOCAI_MASTER_KEY", _master_key),
        "master_key_file": take("SOCAI_MASTER_KEY_FILE", lambda value: Path(value) if value else None, ""),
        "operator_keys": take("SOCAI_OPERATOR_KEYS", _operator_keys, ""),
        "bank_accounts": take("SOCAI_BANK_ACCOUNTS", Path),
        "web_host": host,
        "web_port": take("SOCAI_WEB_PORT", _port, port),
        "public_url": take("SOCAI_PUBLIC_URL", _url("http", "https"), f"http://{host}:{port}"),
        "webhook_allow_private": take("SOCAI_WEBHOOK_ALLOW_PRIVATE", _switch, "0"),
        "bank_calls": take("SOCAI_BANK_CALLS", _calls, "0"),
    }
    if faults:
        raise SettingsInvalid("The environment is not complete:\n- " + "\n- ".join(faults))
    return Settings(**values)  # type: ignore[arg-type]  # every value was checked above


def read_master_key(environment: Mapping[str, str]) -> Secret:
    """SOCAI_MASTER_KEY alone, for what needs no other setting. Raises SettingsInvalid."""
    try:
        return _master_key(environment.get("SOCAI_MASTER_KEY", ""))
    except ValueError as error:
        raise SettingsInvalid(f"SOCAI_MASTER_KEY {error}; it holds {NAMES['SOCAI_MASTER_KEY']}") from None


def _url(*schemes: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value.partition(":")[0] not in schemes:
            raise ValueError(f"does not begin with {' or '.join(f'{scheme}:' for scheme in schemes)}")
        return value

    return check


def _port(value: str) -> int:
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise ValueError("is not a port number")
    return int(value)


def _calls(value: str) -> int | None:
    if not re.fullmatch(r"0|[1-9][0-9]{1,6}", value):
        raise ValueError("is neither 0 nor 10 to 9999999")
    return int(value) or None


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise ValueError("is neither 0 nor 1")
    return value == "1"


def _master_key(value: str) -> Secret:
    try:
        length = len(b64decode(value, validate=True))
    except NotBase64:
        length = 0
    if length != 32:
        raise ValueError("is not 32 bytes in base64")
    return Secret(value)


def _operator_keys(value: str) -> tuple[OperatorKey, ...]:
    keys = []
    for entry in filter(None, value.split(",")):
        match = re.fullmatch(rf"([a-z0-9_-]+):({'|'.join(ROLES)}):([0-9a-f]{{64}})", entry.strip())
        if match is None:
            raise ValueError("has an entry that is not name:role:sha256")
        keys.append(OperatorKey(name=match[1], role=match[2], digest=match[3]))
    return tuple(keys)
