"""The token: kept for four fifths of its life, fetched by one thread, dropped when refused."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from banks.access_token import LIFE_MAX, AccessToken
from ledger.settings import Secret

START = datetime(2025, 1, 15, tzinfo=UTC)


class Issuer:
    """Gives tokens t1, t2, … of a settable life, and is the clock."""

    def __init__(self) -> None:
        self.now = START
        self.life = timedelta(seconds=100)
        self.given = 0

    def fetch(self) -> tuple[Secret, timedelta]:
        self.given += 1
        return Secret(f"t{self.given}"), self.life

    def token(self) -> AccessToken:
        return AccessToken(self.fetch, lambda: self.now)


def test_a_token_is_kept_for_four_fifths_of_its_life() -> None:
    issuer = Issuer()
    token = issuer.token()
    assert token.value().reveal() == "t1"
    issuer.now = START + timedelta(seconds=79)
    assert token.value().reveal() == "t1"
    issuer.now = START + timedelta(seconds=80)
    assert token.value().reveal() == "t2"


def test_a_life_in_milliseconds_by_mistake_is_not_believed() -> None:
    issuer = Issuer()
    issuer.life = timedelta(seconds=3_600_000)
    token = issuer.token()
    token.value()
    issuer.now = START + LIFE_MAX
    assert token.value().reveal() == "t2"


def test_a_clock_set_back_fetches_anew() -> None:
    issuer = Issuer()
    token = issuer.token()
    token.value()
    issuer.now = START - timedelta(hours=1)
    assert token.value().reveal() == "t2"


def test_only_the_refused_token_is_dropped() -> None:
    issuer = Issuer()
    token = issuer.token()
    first = token.value()
    token.drop(Secret("another"))
    assert token.value() == first
    token.drop(first)
    second = token.value()
    token.drop(first)
    assert token.value() == second


def test_threads_that_ask_together_wait_for_one_fetch() -> None:
    issuer = Issuer()
    together = threading.Barrier(8)
    token = issuer.token()
    found: list[str] = []

    def ask() -> None:
        together.wait(5)
        found.append(token.value().reveal())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["t1"] * 8


def test_a_failed_fetch_is_tried_again_by_the_next_asker() -> None:
    issuer = Issuer()
    broken = [True]

    def fetch() -> tuple[Secret, timedelta]:
        if broken.pop():
            broken.append(False)
            raise ConnectionError
        return issuer.fetch()

    token = AccessToken(fetch, lambda: issuer.now)
    with pytest.raises(ConnectionError):
        token.value()
    assert token.value().reveal() == "t1"
