"""The wrapped keys of persons in a table beside an event log in MySQL, MariaDB or SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import sqlalchemy
from eventsourcing.persistence import PersistenceError
from sqlalchemy import Connection, Select, delete, insert, select

from ledger.errors import KeyUnavailable
from ledger.sql_store import SqlStore, reported
from ledger.sql_tables import person_keys_table

READ: Final = 1_000
"""Keys fetched at a time when all of them are read."""

_LINGERS: Final = (
    "The key is thrown away, but may still stand in the write-ahead log of the file, as somebody reads there. End long"
    " readings and try again: only when this is not said any more is the key gone from the disk."
)

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
        """Throw the key away; whether there was one. Raises KeyUnavailable when out of reach.

        On SQLite also when the key is gone from its table and may still stand in the write-ahead log: forget again.
        The next call empties that log, and says False for there is no key any more.
        """
        gone = delete(self._keys).where(self._keys.c.person == person)
        done = self._reached(lambda: self._store.transaction(lambda connection: connection.execute(gone).rowcount == 1))
        self._reached(self._overwrite)
        return done

    def everyone(self) -> Iterator[tuple[str, bytes]]:
        """Every person and wrapped key, some at a time. Raises KeyUnavailable when out of reach."""
        after = ""
        while some := self._reached(partial(self._behind, after)):
            yield from some.items()
            after = next(reversed(some))

    def found(self, persons: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of those of these persons that have one. Raises KeyUnavailable when out of reach."""
        asked = select(self._keys.c.person, self._keys.c.wrapped).where(self._keys.c.person.in_(persons))
        return self._reached(partial(self._asked, asked))

    def keep_all(self, keys: Mapping[str, bytes]) -> None:
        """Keep each of these keys unless its person has one. Raises KeyUnavailable when out of reach."""
        known = self.found(list(keys))
        rows = [{"person": person, "wrapped": wrapped} for person, wrapped in keys.items() if person not in known]

        def work() -> None:
            try:
                self._store.transaction(lambda connection: connection.execute(insert(self._keys), rows))
            except sqlalchemy.exc.IntegrityError:
                # Somebody else kept one of them meanwhile.
                for row in rows:
                    self.keep(str(row["person"]), keys[str(row["person"])])

        if rows:
            self._reached(work)

    def close(self) -> None:
        """Let the connections go."""
        self._store.close()

    def _find(self, person: str) -> bytes | None:
        with self._store.asking() as connection:
            found: object = connection.scalar(select(self._keys.c.wrapped).where(self._keys.c.person == person))
        return None if found is None else _bytes(found)

    def _behind(self, person: str) -> dict[str, bytes]:
        keys = self._keys.c
        return self._asked(
            select(keys.person, keys.wrapped).where(keys.person > person).order_by(keys.person).limit(READ)
        )

    def _asked(self, asked: Select[Any]) -> dict[str, bytes]:
        with self._store.asking() as connection:
            return {str(person): _bytes(wrapped) for person, wrapped in connection.execute(asked)}

    def _overwrite(self) -> None:
        """On SQLite the old page may stand in the write-ahead log until that is emptied, outside any transaction."""
        engine = self._store.engine
        if engine.dialect.name != "sqlite":
            return
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # SQLite raises nothing when a reader is in the way: it answers (busy, pages in the log, pages moved).
            answer = cursor.fetchone()
        except engine.dialect.loaded_dbapi.Error as error:
            raise KeyUnavailable(_LINGERS) from error
        finally:
            connection.close()
        if answer is None or answer[0]:
            raise KeyUnavailable(_LINGERS)

    def _reached(self, work: Callable[[], Result]) -> Result:
        try:
            with reported("the person keys"):
                self._store.fit([self._keys], may_create=True)
                return work()
        except PersistenceError as error:
            raise KeyUnavailable("The person keys cannot be reached; try again.") from error


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes | bytearray):
        raise KeyUnavailable("A person key is not stored as bytes; restore the key table from its backup.")
    return bytes(value)
