"""The environment of the local stage: ports that were free, addresses, keys made once; kept in `.run/env`.

The same names as in `docker-compose.yml`. A shell can take them with `set -a; . .run/env`; `./socai run` does.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from eventsourcing.persistence import InterfaceError
from sqlalchemy import make_url

from ledger.event_log import provider
from ledger.settings import ROLES
from local.found import MYSQLD, ServerMissing, mysqld
from local.mysql import COLLATION, USER
from local.processes import NotReady, free_port

DATABASE = "socai"
EVENTS = "socai_events"
"""Schema of the event log where our own MySQL or MariaDB keeps both the log and the read tables."""
WEB_PORT = 8080
BANK_WEBHOOK_PATH = "/v1/bank-webhooks/{account}"
"""Where our web takes the notices of the simulated banks, which put in what we call the account."""

BANK_FEED_PATH = "/v1/bank-feeds/{account}"
"""Where an aggregator tells of movements at a bank that does not."""
BANKS = {"acb": "http", "mb": "http", "mbdn": "http", "techcombank": "https", "vietinbank": "http"}
"""The simulated banks of a stage, by code, and how each is met."""
CHOSEN = "SOCAI_LOCAL_BANKS"
"""Which of them this stage has, separated by commas; all when nothing is said."""


def bank_port(bank: str) -> str:
    """The variable that names the port of a simulated bank."""
    return f"SOCAI_LOCAL_BANK_{bank.upper()}_PORT"


def bank_addresses(values: Mapping[str, str]) -> dict[str, str]:
    """Where each simulated bank of this stage listens, by code."""
    return {bank: f"{BANKS[bank]}://127.0.0.1:{values[bank_port(bank)]}" for bank in values[CHOSEN].split(",")}


PORTS = {
    "SOCAI_WEB_PORT": WEB_PORT,
    "SOCAI_SIMULATOR_CONTROL_PORT": None,
    **{bank_port(bank): None for bank in BANKS},
    "SOCAI_LOCAL_MONGO_PORT": None,
    "SOCAI_LOCAL_MYSQL_PORT": None,
    "SOCAI_LOCAL_REDIS_PORT": None,
}
"""Ports of the stage, with the number to try first on a new stage."""


@dataclass(frozen=True)
class Stage:
    """Where the files of one local stage lie. `root` is the project; everything written goes below `run`."""

    root: Path

    @property
    def run(self) -> Path:
        return self.root / ".run"

    @property
    def env_file(self) -> Path:
        return self.run / "env"

    @property
    def secrets(self) -> Path:
        return self.run / "secrets"

    @property
    def logs(self) -> Path:
        return self.run / "log"

    @property
    def status_file(self) -> Path:
        return self.run / "status.json"

    @property
    def lock_file(self) -> Path:
        return self.run / "supervisor.lock"

    def log(self, name: str) -> Path:
        """Log file of one part."""
        return self.logs / f"{name}.log"


def prepare(stage: Stage, given: Mapping[str, str]) -> dict[str, str]:
    """The variables of a stage about to start, written to `.run/env` (mode 0600) as well.

    `given` is the caller's environment: an event store (EVENT_STORE_URL), servers of the user's own (SOCAI_MONGO_URL,
    SOCAI_MYSQL_URL, SOCAI_REDIS_URL), the program of our SQL server (SOCAI_MYSQLD) and ports wished for. The program is
    kept, because MariaDB cannot read the data of MySQL; ports of the last run are kept while they are free; keys are
    made once. Call it only while nothing of the stage runs. Raises NotReady for an event store that is none, or is
    another than this stage was made for, and ServerMissing when SOCAI_MYSQLD names no program.
    """
    store = event_store(stage, given)
    stage.run.mkdir(exist_ok=True)
    stage.secrets.mkdir(mode=0o700, exist_ok=True)
    last = read(stage)
    values = _ports(last, given)
    values[MYSQLD] = given.get(MYSQLD) or last.get(MYSQLD, "")
    values[CHOSEN] = given.get(CHOSEN) or last.get(CHOSEN, ",".join(BANKS))
    web = f"http://127.0.0.1:{values['SOCAI_WEB_PORT']}"
    events = _own_store(stage, store, values) if store in OWN_STORES else store
    values |= {
        "EVENT_STORE_URL": events,
        "EVENT_STORE_COMMITTER": _committer(stage, events),
        "READ_TABLES_URL": _read_tables_url(stage, values, given),
        "REDIS_URL": given.get("SOCAI_REDIS_URL") or f"redis://127.0.0.1:{values['SOCAI_LOCAL_REDIS_PORT']}/0",
        "SOCAI_MASTER_KEY": _kept(stage, "master.key", lambda: base64.b64encode(secrets.token_bytes(32)).decode()),
        "SOCAI_MASTER_KEY_FILE": "",
        "SOCAI_OPERATOR_KEYS": ",".join(_operator(stage, role) for role in ROLES),
        "SOCAI_BANK_ACCOUNTS": str(stage.secrets / "bank" / "accounts.json"),
        "SOCAI_WEB_HOST": "127.0.0.1",
        "SOCAI_PUBLIC_URL": web,
        "SOCAI_WEBHOOK_ALLOW_PRIVATE": "1",
        "SOCAI_BANK_CALLS": "60000",
        "SOCAI_BANK_KEYS": str(stage.secrets / "bank"),
        "SOCAI_SIMULATOR_STATE": str(stage.run / "bank"),
        "SOCAI_SIMULATOR_WEBHOOK_URL": web + BANK_WEBHOOK_PATH,
        "SOCAI_SIMULATOR_FEED_URL": web + BANK_FEED_PATH,
    }
    _write_private(stage.env_file, "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))
    return values


def read(stage: Stage) -> dict[str, str]:
    """The variables `.run/env` holds; empty when there was no stage yet."""
    if not stage.env_file.is_file():
        return {}
    pairs = (line.partition("=") for line in stage.env_file.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}


def uses(values: Mapping[str, str], server: str) -> bool:
    """Whether the stage runs its own `mongodb`, `mysql` or `redis`, rather than one the user gave (or SQLite)."""
    variables, port = {
        "mongodb": (("EVENT_STORE_URL",), "SOCAI_LOCAL_MONGO_PORT"),
        "mysql": (("READ_TABLES_URL", "EVENT_STORE_URL"), "SOCAI_LOCAL_MYSQL_PORT"),
        "redis": (("REDIS_URL",), "SOCAI_LOCAL_REDIS_PORT"),
    }[server]
    return any(f"127.0.0.1:{values[port]}/" in values[variable] for variable in variables)


SOCKET_PATH_MAX = 90
"""A Unix socket's path has 107 characters at most (unix(7)), less what the committer puts behind it for a moment."""

OWN_STORES = {"mongodb": "mongodb", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}
"""Event stores the stage has itself, by the scheme of a URL that names nothing else ("mysql:", "sqlite://")."""


def event_store(stage: Stage, given: Mapping[str, str]) -> str:
    """Where this stage keeps its events: "mongodb", "mysql" or "sqlite" for its own, else the URL the user gave.

    Without a wish it is what the stage was made with, and MongoDB for a new one. Raises NotReady for a URL that is
    none, and for another store than the stage was made for: read tables and the bank's books would be of another log.
    """
    last = read(stage)
    before = _own_or_given(stage, last, last["EVENT_STORE_URL"]) if "EVENT_STORE_URL" in last else ""
    wish = given.get("EVENT_STORE_URL") or given.get("SOCAI_MONGO_URL") or before or "mongodb:"
    store = _own_or_given(stage, last, wish)
    if before and _place(store) != _place(before):
        had = f"EVENT_STORE_URL={before}:" if before in OWN_STORES else "the EVENT_STORE_URL it was made with"
        raise NotReady(
            "This stage was made for another event store: its read tables and the simulated bank know only that log."
            f" Go on with {had}, or begin anew: make down; rm -rf .run (and empty the schema of SOCAI_MYSQL_URL if you"
            " gave one)."
        )
    return store


def _own_or_given(stage: Stage, last: Mapping[str, str], url: str) -> str:
    """The word for our own store where the URL names it, bare or as the last run wrote it; else the whole URL."""
    scheme, _, rest = url.partition(":")
    if rest in ("", "//") and scheme in OWN_STORES:
        return OWN_STORES[scheme]
    if last:
        for kind in ("mongodb", "mysql", "sqlite"):
            if url == _own_store(stage, kind, last):
                return kind
    return _checked(stage, url)


def _place(store: str) -> str:
    """Which database this is, whoever asks for it and however."""
    return re.sub(r"//[^@/]*@", "//", store.partition("?")[0])


def _checked(stage: Stage, url: str) -> str:
    """A URL the user gave, with our database named where it names none. Raises NotReady when it is none."""
    if url.startswith("mongodb"):
        parts = urlsplit(url)
        url = parts._replace(path=parts.path.rstrip("/") or f"/{DATABASE}").geturl()
    try:
        provider(url).close()
    except InterfaceError as fault:
        raise NotReady(f"{fault}") from fault
    if url.startswith("sqlite") and not (stage.root / (make_url(url).database or "")).parent.is_dir():
        raise NotReady(
            "The folder of the file in EVENT_STORE_URL does not exist: make it first. A path that begins at the root"
            " has four strokes: sqlite:////home/me/events.db."
        )
    return url


def _committer(stage: Stage, events: str) -> str:
    """Where the committer's socket goes; empty for stores that need none, and where the path is too long for one."""
    socket = str(stage.run / "committer.sock")
    return socket if events.startswith("mongodb") and len(socket) <= SOCKET_PATH_MAX else ""


def _own_store(stage: Stage, kind: str, values: Mapping[str, str]) -> str:
    """The URL of an event store of our own."""
    if kind == "sqlite":
        return f"sqlite:///{stage.run / 'events.db'}"
    if kind == "mysql":
        port = values["SOCAI_LOCAL_MYSQL_PORT"]
        return f"mysql://{USER}:{mysql_password(stage)}@127.0.0.1:{port}/{EVENTS}"
    return f"mongodb://127.0.0.1:{values['SOCAI_LOCAL_MONGO_PORT']}/{DATABASE}?replicaSet=rs0"


def mysql_password(stage: Stage) -> str:
    """Password of our own MySQL user on this stage."""
    return _kept(stage, "mysql.password", lambda: secrets.token_hex(16))


def _ports(last: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """A port for each name: as wished for, as last time, as usual, or any; two never get the same one."""
    ports: dict[str, str] = {}
    for name, usual in PORTS.items():
        wish = given.get(name) or last.get(name)
        port = free_port(int(wish) if wish else usual)
        while str(port) in ports.values():
            port = free_port()
        ports[name] = str(port)
    return ports


def _read_tables_url(stage: Stage, values: Mapping[str, str], given: Mapping[str, str]) -> str:
    """The user's server, or our own where this machine has one, or else a SQLite file."""
    if given.get("SOCAI_MYSQL_URL"):
        return with_our_dialect(given["SOCAI_MYSQL_URL"])
    try:
        mysqld(values)
    except ServerMissing:
        if values[MYSQLD]:
            raise
        return f"sqlite:///{stage.run / 'read.db'}"
    port = values["SOCAI_LOCAL_MYSQL_PORT"]
    return with_our_dialect(f"mysql://{USER}:{mysql_password(stage)}@127.0.0.1:{port}/{DATABASE}")


def with_our_dialect(url: str) -> str:
    """Any mysql:// or mariadb:// address as SQLAlchemy needs it for us: driver, character set and collation named."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | {"charset": "utf8mb4", "collation": COLLATION}
    path = parts.path.rstrip("/") or f"/{DATABASE}"
    return parts._replace(scheme="mysql+mysqlconnector", path=path, query=urlencode(query)).geturl()


def _operator(stage: Stage, role: str) -> str:
    """`name:role:digest` of the operator who has this role here; the key itself lies in `.run/secrets`."""
    key = _kept(stage, f"operator-{role}.key", lambda: f"op_{secrets.token_urlsafe(24)}")
    return f"{role}:{role}:{hashlib.sha256(key.encode()).hexdigest()}"


def _kept(stage: Stage, name: str, make: Callable[[], str]) -> str:
    """A secret made once and kept in `.run/secrets`."""
    file = stage.secrets / name
    if not file.is_file():
        _write_private(file, make())
    return file.read_text()


def _write_private(file: Path, text: str) -> None:
    """Write a file nobody else can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = file.with_name(f"{file.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    beside.replace(file)
