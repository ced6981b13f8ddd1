"""The servers a run of trials needs: started when the first trial asks, shared by the trials that leave them alone."""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.event_log import PROVIDERS
from local.mongodb import ReplicaSet
from local.mysql import SqlServer
from tests.torture.read_models import Store

STORES = [store for store in ("mongodb", "mysql", "sqlite") if store in PROVIDERS]
"""Every kind of store that there is."""


class Servers:
    """Servers under `directory`, stopped at the end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = ExitStack()

    @cached_property
    def mongodb(self) -> ReplicaSet:
        """One node."""
        return self._stack.enter_context(ReplicaSet(self.directory / "mongodb"))

    @cached_property
    def mysql(self) -> SqlServer:
        """MariaDB or MySQL."""
        return self._stack.enter_context(SqlServer(self.directory / "mysql", password=secrets.token_hex(16)))

    def fresh_log(self, store: str) -> str:
        """URL of an empty log on a store of this kind."""
        name = f"torture_{secrets.token_hex(4)}"
        if store == "mongodb":
            return self.mongodb.url_of(name)
        if store == "mysql":
            return self.mysql.create_schema(name)
        self.directory.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{self.directory / name}.db"

    def fresh_tables(self) -> Store:
        """Empty read tables on the server they have in production, and further empty ones beside them."""
        return fresh_tables(self.mysql)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()


def fresh_tables(sql: SqlServer) -> Store:
    """Empty read tables on a server, and further empty ones beside them."""
    return Store(*(sql.create_schema(f"torture_{secrets.token_hex(4)}") for _ in range(2)))
