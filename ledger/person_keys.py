"""Where the wrapped keys of persons are kept: beside the event log, never inside it, so that one can be thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Final, Protocol

from eventsourcing.persistence import InterfaceError
from pymongo import MongoClient, ReturnDocument, UpdateOne
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ledger.errors import KeyUnavailable
from ledger.event_log import provider_module
from ledger.privacy import PersonKeys
from ledger.sql_person_keys import KeysInSql

COLLECTION: Final = "person_keys"

READ: Final = 1_000
"""Keys fetched at a time when all of them are read."""


class KeysInMongo:
    """Person keys in a MongoDB collection, first writer wins, durable on a majority before a key is used."""

    def __init__(self, url: str) -> None:
        """Nothing is contacted yet. Raises InterfaceError for a URL that is none."""
        try:
            self._client: MongoClient[dict[str, object]] = MongoClient(url, timeoutMS=5_000, connect=False)
        except (InvalidURI, ConfigurationError, ValueError) as error:
            # The driver's own words quote the URL: of a password with a stroke in it they tell the end.
            raise InterfaceError(
                "EVENT_STORE_URL is not a MongoDB connection string such as"
                " mongodb://user:password@host:27017/socai?replicaSet=rs0; write / as %2F, @ as %40 and : as %3A in a"
                f" password ({type(error).__name__})."
            ) from None
        self._keys = self._client.get_default_database("socai").get_collection(
            COLLECTION,
            write_concern=WriteConcern(w="majority", j=True, wtimeout=10_000),
            read_concern=ReadConcern("majority"),
        )

    def find(self, person: str) -> bytes | None:
        """The wrapped key of this person, or None. Raises KeyUnavailable when out of reach."""
        with _reached():
            found = self._keys.find_one({"_id": person})
        return None if found is None else _bytes(found["key"])

    def keep(self, person: str, wrapped: bytes) -> bytes:
        """Keep this key unless there is one; the one that stands. Raises KeyUnavailable when out of reach."""
        with _reached():
            kept = self._keys.find_one_and_update(
                {"_id": person},
                {"$setOnInsert": {"key": wrapped}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        if kept is None:
            raise KeyUnavailable("The person keys did not take a new key; try again.")
        return _bytes(kept["key"])

    def forget(self, person: str) -> bool:
        """Throw the key away. Raises KeyUnavailable when out of reach."""
        with _reached():
            return self._keys.delete_one({"_id": person}).deleted_count == 1

    def everyone(self) -> Iterator[tuple[str, bytes]]:
        """Every person and wrapped key, a batch at a time. Raises KeyUnavailable when out of reach."""
        with _reached():
            for kept in self._keys.find({}, batch_size=READ):
                yield str(kept["_id"]), _bytes(kept["key"])

    def found(self, persons: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of those of these persons that have one. Raises KeyUnavailable when out of reach."""
        with _reached():
            kept = list(self._keys.find({"_id": {"$in": list(persons)}}))
        return {str(key["_id"]): _bytes(key["key"]) for key in kept}

    def keep_all(self, keys: Mapping[str, bytes]) -> None:
        """Keep each of these keys unless its person has one. Raises KeyUnavailable when out of reach."""
        kept = [
            UpdateOne({"_id": person}, {"$setOnInsert": {"key": wrapped}}, upsert=True)
            for person, wrapped in keys.items()
        ]
        if kept:
            with _reached():
                self._keys.bulk_write(kept, ordered=False)

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except PyMongoError as error:
        raise KeyUnavailable("The person keys cannot be reached; try again.") from error


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise KeyUnavailable("A person key is not stored as bytes; restore the key collection from its backup.")
    return value


class OpenKeys(PersonKeys, Protocol):
    """Person keys that hold connections."""

    def close(self) -> None:
        """Let the connections go."""


def keys_at(url: str) -> OpenKeys:
    """The person keys that belong to an event store URL; InterfaceError, without the URL, for one that is none."""
    module = import_module(provider_module(url))
    return KeysInMongo(url) if module.__name__ == "ledger.mongodb" else KeysInSql(module.store_at(url))
