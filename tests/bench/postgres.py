"""A PostgreSQL for reference rows, where this machine has the binaries; nothing of Socai runs on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from local.processes import Process, free_port

ACCOUNT = "nobody"
"""PostgreSQL refuses to run as root: as root we start it as this account, which every system has."""


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, or None."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    places += [Path(found).parent] if found else []
    return next((place for place in places if (place / "initdb").is_file() and (place / "postgres").is_file()), None)


class Postgres(Process):
    """One server on loopback with a data directory of its own, at its default durability."""

    def __init__(self, folder: Path, directory: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._data = directory / "data"
        command = [str(folder / "postgres"), "-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={ACCOUNT}", "--clear-groups", *command]
        super().__init__(f"postgres:{self.port}", command, directory / "postgres.log")

    def start(self) -> Self:
        self._data.mkdir(parents=True, exist_ok=True)
        command = [str(self._folder / "initdb"), "-D", str(self._data), "-A", "trust", "-U", "socai", "--no-sync"]
        if os.geteuid() == 0:
            for place in (self._data, self._data.parent):
                shutil.chown(place, ACCOUNT)
            command = ["setpriv", f"--reuid={ACCOUNT}", "--clear-groups", *command]
        subprocess.run(command, check=True, capture_output=True, cwd="/")
        super().start()
        self.wait_until(self._answers)
        return self

    def environment(self, *, functions: bool) -> Mapping[str, str]:
        """What the eventsourcing library wants to know; `functions`: with its insert function in the database."""
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": "postgres",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_USER": "socai",
            "POSTGRES_PASSWORD": "unused",
            "POSTGRES_POOL_SIZE": "16",
            "POSTGRES_MAX_OVERFLOW": "16",
            "ORIGINATOR_ID_TYPE": "text",
            "POSTGRES_SCHEMA": "public",
            "POSTGRES_ENABLE_DB_FUNCTIONS": "y" if functions else "n",
        }

    def _answers(self) -> bool:
        command = [str(self._folder / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0
