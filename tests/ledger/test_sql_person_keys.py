"""Person keys in SQL tables: damage is named, and what was thrown away is nowhere in the file any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from ledger.errors import KeyUnavailable
from ledger.person_keys import keys_at
from ledger.sql_engine import sqlite_engine
from ledger.sql_person_keys import KeysInSql
from ledger.sql_store import SqlStore
from ledger.sqlite import DURABLE, WAITS, Sqlite
from tests.ledger.logged import by_hand


def test_a_damaged_key_is_named_rather_than_called_erased(sqlite_events_url: str) -> None:
    keys = keys_at(sqlite_events_url)
    keys.keep("person_1", b"wrapped")
    with by_hand(sqlite_events_url) as connection:
        connection.exec_driver_sql("UPDATE person_keys SET wrapped = 'text'")
    with pytest.raises(KeyUnavailable, match="bytes"):
        keys.find("person_1")
    keys.close()


def test_a_key_that_was_thrown_away_is_nowhere_in_the_file(sqlite_events_url: str, tmp_path: Path) -> None:
    keys = keys_at(sqlite_events_url)
    secret = b"this is the wrapped key that must go"
    keys.keep("person_1", secret)
    files = [*tmp_path.glob("events.db*")]
    assert any(secret in file.read_bytes() for file in files)
    assert keys.forget("person_1")
    assert not any(secret in file.read_bytes() for file in files)
    keys.close()


def test_a_reader_in_the_way_is_told_until_the_key_is_gone_from_the_disk(
    sqlite_events_url: str, tmp_path: Path
) -> None:
    engine = sqlite_engine(make_url(sqlite_events_url), WAITS._replace(lock_s=1), pragmas=DURABLE)
    keys = KeysInSql(SqlStore(engine, Sqlite()))
    secret = b"this is the wrapped key that must go"
    keys.keep("person_1", secret)
    with by_hand(sqlite_events_url) as reader:
        reader.exec_driver_sql("BEGIN")
        assert reader.exec_driver_sql("SELECT count(*) FROM person_keys").scalar() == 1
        for _ in range(2):
            with pytest.raises(KeyUnavailable, match=r"write-ahead log.*try again"):
                keys.forget("person_1")
        assert keys.find("person_1") is None
        assert any(secret in file.read_bytes() for file in tmp_path.glob("events.db*"))
    assert keys.forget("person_1") is False
    assert not any(secret in file.read_bytes() for file in tmp_path.glob("events.db*"))
    keys.close()


def test_every_letter_of_a_person_counts(sql_events_url: str) -> None:
    keys = keys_at(sql_events_url)
    for person in ("a", "A", "a "):
        assert keys.keep(person, person.encode()) == person.encode()
    assert [keys.find(person) for person in ("a", "A", "a ")] == [b"a", b"A", b"a "]
    keys.close()
