"""With authentication really on: who may not write is told so, with the cure and without the password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent
from pymongo import MongoClient

from ledger.__main__ import main
from ledger.event_log import opened
from local.mongodb import ReplicaSet

EVENT = StoredEvent("po_1", 1, "payout.requested", b"{}")
PASSWORD = "s3cret-of-the-writer"


@pytest.fixture(scope="module")
def guarded(server_directory: Path) -> Iterator[str]:
    """URL, without a user, of a replica set that lets in only whom it knows: a writer, and a reader."""
    directory = server_directory / "guarded"
    directory.mkdir()
    key = directory / "key"
    key.write_text("c29jYWkgdGVzdHMga2V5IGZpbGU=" * 3)
    key.chmod(0o600)
    roles = [("writer", "readWrite"), ("reader", "read")]
    with ReplicaSet(directory) as server:
        with MongoClient[dict[str, Any]](server.url) as client:
            for user, role in roles:
                client.admin.command("createUser", user, pwd=PASSWORD, roles=[{"role": role, "db": "socai"}])
        server.stop()
        for node in server.nodes:
            node.command += ["--auth", "--keyFile", str(key)]
            node.start()
        server.wait_for_primary()
        yield server.url


def url_of(url: str, user: str, database: str = "socai", password: str = PASSWORD) -> str:
    """The URL of a database for a user of the set."""
    parts = urlsplit(url)
    given = parts._replace(netloc=f"{user}:{password}@{parts.netloc}", path=f"/{database}")
    return given._replace(query=f"{parts.query}&authSource=admin").geturl()


def test_whom_the_server_knows_may_append_and_read(guarded: str) -> None:
    with opened(url_of(guarded, "writer")) as log:
        assert log.append([EVENT]) == [log.head()]
        assert log.stream("po_1") == [EVENT]


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [
        ("writer", "wrong-s3cret", "Check the user, password and role in EVENT_STORE_URL"),
        ("nobody", PASSWORD, "Check the user, password and role in EVENT_STORE_URL"),
        (
            "reader",
            PASSWORD,
            "Nothing of the append was stored: .* Check the user, password and role in",
        ),
    ],
)
def test_who_may_not_write_is_refused_in_words_and_nothing_is_stored(
    guarded: str, user: str, password: str, said: str
) -> None:
    with opened(url_of(guarded, user, password=password)) as log:
        with pytest.raises(OperationalError, match=said) as refusal:
            log.append([StoredEvent("po_2", 1, "payout.requested", b"{}")])
        assert "s3cret" not in str(refusal.value)
    with opened(url_of(guarded, "writer")) as log:
        assert log.stream("po_2") == []


def test_without_a_user_nothing_is_read(guarded: str) -> None:
    expected = "Check the user, password and role in EVENT_STORE_URL"
    nameless = urlsplit(guarded)._replace(path="/socai").geturl()
    with opened(nameless) as log, pytest.raises(OperationalError, match=expected):
        log.head()


def test_the_command_line_says_the_same(guarded: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"EVENT_STORE_URL": url_of(guarded, "writer", password="wrong-s3cret")}
    for words in (["events"], ["check"], ["copy", "--to", url_of(guarded, "writer", "elsewhere")]):
        assert main(words, given) == 1
        said = capsys.readouterr().err
        assert "Check the user, password and role" in said
        assert "s3cret" not in said
