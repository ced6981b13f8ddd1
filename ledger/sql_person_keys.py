"""The wrapped keys of persons in a table beside an event log in MySQL, MariaDB or SQLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy
from eventsourcing.persistence import OperationalError, PersistenceError
from sqlalchemy import Connection, delete, insert, select

from ledger.errors import KeyUnavailable
from ledger.sql_store import SqlStore, reported
from ledger.sql_tables import person_keys_table

Result = TypeVar("Result")


class KeysInSql:
    """Person keys in a table, first writer wins, durable before a key is used."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._keys = person_keys_table()

    def find(self, person: str) -> bytes | None:
        """The wrapped key of this person, or None. Raises KeyUnavailable when out of reach."""
        return self._reached(lambda: self._find(person))

    def keep(self, person: str, wrapped: bytes) -> bytes:
        """Keep this key unless there is one; the one that stands. Raises KeyUnavailable when out of reach."""

        def work(connection: Connection) -> None:
            connection.execute(insert(self._keys).values(person=person, wrapped=wrapped))

        def first() -> bytes | None:
            found = self._find(person)
            if found is not None:
                return found
            try:
                self._store.transaction(work)
            except sqlalchemy.exc.IntegrityError:
                return self._find(person)
            return wrapped

        kept = self._reached(first)
        if kept is None:
            raise KeyUnavailable("The person keys did not take a new key; try again.")
        return kept

    def forget(self, person: str) -> bool:
        """Throw the key away. Raises KeyUnavailable when out of reach."""
        gone = delete(self._keys).where(self._keys.c.person == person)
        done = self._reached(lambda: self._store.transaction(lambda connection: connection.execute(gone).rowcount == 1))
        self._reached(self._overwrite)
        return done

    def close(self) -> None:
        """Let the connections go."""
        self._store.close()

    def _find(self, person: str) -> bytes | None:
        with self._store.asking() as connection:
            found: object = connection.scalar(select(self._keys.c.wrapped).where(self._keys.c.person == person))
        if found is None:
            return None
        if not isinstance(found, bytes | bytearray):
            raise KeyUnavailable("A person key is not stored as bytes; restore the key table from its backup.")
        return bytes(found)

    def _overwrite(self) -> None:
        """On SQLite the old page may stand in the write-ahead log until that is emptied, outside any transaction."""
        engine = self._store.engine
        if engine.dialect.name != "sqlite":
            return
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except engine.dialect.loaded_dbapi.Error as error:
            raise OperationalError("The old key may still stand in the write-ahead log.") from error
        finally:
            connection.close()

    def _reached(self, work: Callable[[], Result]) -> Result:
        try:
            with reported("the person keys"):
                self._store.fit([self._keys], may_create=True)
                return work()
        except PersistenceError as error:
            raise KeyUnavailable("The person keys cannot be reached; try again.") from error
