"""Person keys on every store: the first writer wins, and a key thrown away is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from traceback import format_exception

import pytest
from eventsourcing.persistence import InterfaceError
from pymongo import MongoClient

from ledger.errors import KeyUnavailable
from ledger.person_keys import COLLECTION, OpenKeys, keys_at
from ledger.privacy import ERASED, Personal, Vault
from tests.story import MASTER_KEY, counted_bytes


@pytest.fixture
def keys(event_log_url: str) -> Iterator[OpenKeys]:
    """The person keys of a fresh store."""
    kept = keys_at(event_log_url)
    yield kept
    kept.close()


def test_a_key_is_kept_found_and_thrown_away(keys: OpenKeys) -> None:
    assert keys.find("person_1") is None
    assert keys.keep("person_1", b"wrapped") == b"wrapped"
    assert keys.find("person_1") == b"wrapped"
    assert keys.forget("person_1") is True
    assert keys.forget("person_1") is False
    assert keys.find("person_1") is None


def test_the_first_of_many_writers_wins_and_all_are_told_so(keys: OpenKeys) -> None:
    offers = [f"key {number}".encode() for number in range(16)]
    with ThreadPoolExecutor(8) as threads:
        told = set(threads.map(lambda offer: keys.keep("person_1", offer), offers))
    assert len(told) == 1
    assert keys.find("person_1") in told


def test_all_keys_are_kept_found_and_told_together(keys: OpenKeys) -> None:
    many = {f"person_{number}": f"key {number}".encode() for number in range(2_345)}
    keys.keep("person_7", b"another")
    keys.keep_all(many)
    keys.keep_all(many)
    keys.keep_all({})
    assert dict(keys.everyone()) == {**many, "person_7": b"another"}
    assert len(list(keys.everyone())) == len(many)
    assert keys.found(["person_7", "person_8", "person_x"]) == {"person_7": b"another", "person_8": b"key 8"}
    assert keys.found([]) == {}


def test_of_many_that_keep_all_keys_at_once_each_person_has_one(keys: OpenKeys) -> None:
    offers = [{f"person_{number}": f"key {number} of {who}".encode() for number in range(50)} for who in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(keys.keep_all, offers))
    kept = dict(keys.everyone())
    assert len(kept) == 50
    assert all(wrapped in {offer[person] for offer in offers} for person, wrapped in kept.items())


def test_a_vault_on_these_keys_seals_opens_and_erases(event_log_url: str, keys: OpenKeys) -> None:
    sealed = Vault(MASTER_KEY, keys, counted_bytes()).seal("person_1", Personal("NGUYEN VAN ANH"))
    elsewhere = keys_at(event_log_url)
    other = Vault(MASTER_KEY, elsewhere, counted_bytes())
    assert other.open(sealed) == "NGUYEN VAN ANH"
    assert other.erase("person_1")
    assert Vault(MASTER_KEY, keys, counted_bytes()).open(sealed) == ERASED
    elsewhere.close()


def test_a_damaged_key_is_named_rather_than_called_erased(event_store_url: str) -> None:
    with MongoClient[dict[str, object]](event_store_url) as client:
        client.get_default_database()[COLLECTION].insert_one({"_id": "person_1", "key": "text"})
    keys = keys_at(event_store_url)
    with pytest.raises(KeyUnavailable, match="bytes"):
        keys.find("person_1")
    keys.close()


AWAY = [
    "mongodb://socai:geheim@127.0.0.1:1/socai",
    "mysql://socai:geheim@127.0.0.1:1/socai",
    "sqlite:////geheim/nowhere/events.db",
]


@pytest.mark.parametrize("url", AWAY)
def test_keys_out_of_reach_are_named_and_the_address_is_not_told(url: str) -> None:
    keys = keys_at(url)
    attempts: list[Callable[[], object]] = [
        lambda: keys.find("person_1"),
        lambda: keys.keep("person_1", b"wrapped"),
        lambda: keys.forget("person_1"),
        lambda: list(keys.everyone()),
        lambda: keys.found(["person_1"]),
        lambda: keys.keep_all({"person_1": b"wrapped"}),
    ]
    with ThreadPoolExecutor(len(attempts)) as threads:
        for attempt in [threads.submit(attempt) for attempt in attempts]:
            refusal = attempt.exception()
            assert isinstance(refusal, KeyUnavailable)
            assert "geheim" not in str(refusal)
    keys.close()


BAD_MONGO_URLS = [
    "mongodb://socai:se/geheim@mongodb:27017/socai",
    "mongodb://socai:s@geheim@mongodb:27017/socai",
    "mongodb://socai:pass@mongodb:geheim/socai",
]


@pytest.mark.parametrize("url", ["postgres://geheim", "mysql://geheim", "sqlite://", *BAD_MONGO_URLS])
def test_a_url_of_no_store_is_refused_and_not_told(url: str) -> None:
    with pytest.raises(InterfaceError) as refusal:
        keys_at(url)
    assert "geheim" not in "".join(format_exception(refusal.value))
