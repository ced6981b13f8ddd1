"""Running the committer: which stores need one, and what it says when it cannot run."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest
from eventsourcing.persistence import InterfaceError

from ledger.committing import NoCommitter, serve
from local.processes import free_port


def test_a_socket_that_cannot_be_made_is_told_with_the_cure(event_store_url: str, tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "c.sock", tmp_path / ("long" * 40)):
        with pytest.raises((NoCommitter, OSError), match="EVENT_STORE_COMMITTER"):
            serve(event_store_url, path, Event())


def test_a_url_of_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InterfaceError):
        serve("postgres://host/db", tmp_path / "c.sock", Event())


def test_it_waits_for_a_database_that_is_away_and_stops_when_told(tmp_path: Path) -> None:
    stop = Event()
    url = f"mongodb://127.0.0.1:{free_port()}/socai?replicaSet=rs0&timeoutMS=200"
    waiting = Thread(target=serve, args=(url, tmp_path / "c.sock", stop))
    waiting.start()
    stop.set()
    waiting.join(30)
    assert not waiting.is_alive()
    assert not (tmp_path / "c.sock").exists()
