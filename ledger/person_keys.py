"""Where the wrapped keys of persons are kept: beside the event log, never inside it, so that one can be thrown away."""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol

from pymongo import MongoClient, ReturnDocument
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ledger.errors import KeyUnavailable
from ledger.event_log import provider_module
from ledger.privacy import PersonKeys
from ledger.sql_person_keys import KeysInSql

COLLECTION: Final = "person_keys"


class KeysInMongo:
    """Person keys in a MongoDB collection, first writer wins, durable on a majority before a key is used."""

    def __init__(self, url: str) -> None:
        self._client: MongoClient[dict[str, object]] = MongoClient(url, timeoutMS=5_000, connect=False)
        self._keys = self._client.get_default_database("socai").get_collection(
            COLLECTION,
            write_concern=WriteConcern(w="majority", j=True, wtimeout=10_000),
            read_concern=ReadConcern("majority"),
        )

    def find(self, person: str) -> bytes | None:
        """The wrapped key of this person, or None. Raises KeyUnavailable when out of reach."""
        try:
            found = self._keys.find_one({"_id": person})
        except PyMongoError as error:
            raise KeyUnavailable("The person keys cannot be reached; try again.") from error
        return None if found is None else _bytes(found["key"])

    def keep(self, person: str, wrapped: bytes) -> bytes:
        """Keep this key unless there is one; the one that stands. Raises KeyUnavailable when out of reach."""
        try:
            kept = self._keys.find_one_and_update(
                {"_id": person},
                {"$setOnInsert": {"key": wrapped}},
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        except PyMongoError as error:
            raise KeyUnavailable("The person keys cannot be reached; try again.") from error
        if kept is None:
            raise KeyUnavailable("The person keys did not take a new key; try again.")
        return _bytes(kept["key"])

    def forget(self, person: str) -> bool:
        """Throw the key away. Raises KeyUnavailable when out of reach."""
        try:
            return self._keys.delete_one({"_id": person}).deleted_count == 1
        except PyMongoError as error:
            raise KeyUnavailable("The person keys cannot be reached; try again.") from error

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()


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
