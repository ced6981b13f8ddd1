"""A server that is too old is refused with the cure; the one at hand is asked for its real version."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from eventsourcing.persistence import NotSupportedError
from pymongo import MongoClient

from ledger.mongodb_version import LEAST, refuse_too_old


@pytest.fixture
def client(mongo_url: str) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_url) as found:
        yield found


def test_the_server_at_hand_is_new_enough(client: MongoClient[dict[str, Any]]) -> None:
    refuse_too_old(client)


def test_a_server_older_than_what_is_asked_for_is_refused_with_the_cure(client: MongoClient[dict[str, Any]]) -> None:
    major, minor = (int(part) for part in client.server_info()["version"].split(".")[:2])
    refuse_too_old(client, (major, minor))
    for least in ((major, minor + 1), (major + 1, 0)):
        expected = re.escape(
            f"needs MongoDB {least[0]}.{least[1]} or later, and this server is {major}.{minor}: upgrade"
        )
        with pytest.raises(NotSupportedError, match=expected):
            refuse_too_old(client, least)


def test_the_least_version_is_one_that_can_append_behind_the_servers_own_head() -> None:
    assert LEAST >= (4, 4)
