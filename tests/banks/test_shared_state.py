"""What all our processes see alike, on a real Redis, and what one of them does while Redis is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from redis import Redis

from banks.shared_state import LOOK_AGAIN, SharedState
from local.redis import RedisServer

NOW = datetime(2026, 11, 26, 3, tzinfo=UTC)


class Count(msgspec.Struct, frozen=True):
    number: int


def one_more(held: Count | None) -> tuple[Count | None, int]:
    new = (held.number if held else 0) + 1
    return Count(new), new


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


def test_what_one_process_keeps_the_next_one_sees(redis_url: str) -> None:
    with Redis.from_url(redis_url) as one, Redis.from_url(redis_url) as other:
        SharedState(one, lambda: NOW).change("k", Count, one_more)
        assert SharedState(other, lambda: NOW).value("k", Count) == Count(1)


def test_several_are_read_at_once_each_in_its_place(redis: Redis) -> None:
    shared = SharedState(redis, lambda: NOW)
    shared.change("k", Count, one_more)
    redis.set("odd", b"{")
    assert shared.values(["none", "k", "odd"], Count) == [None, Count(1), None]
    assert shared.values([], Count) == []


def test_no_step_is_lost_when_many_are_made_at_once(redis_url: str) -> None:
    def step_often() -> None:
        with Redis.from_url(redis_url) as own:
            shared = SharedState(own, lambda: NOW)
            for _ in range(20):
                shared.change("k", Count, one_more)

    threads = [threading.Thread(target=step_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Redis.from_url(redis_url) as client:
        assert SharedState(client, lambda: NOW).value("k", Count) == Count(80)


def test_nothing_stays_for_ever_and_none_removes_it(redis: Redis) -> None:
    shared = SharedState(redis, lambda: NOW)
    shared.change("k", Count, one_more)
    assert redis.ttl("k") > 0
    shared.change("k", Count, lambda held: (None, held))
    assert redis.exists("k") == 0


@pytest.mark.parametrize("stored", [b"", b"{", b'{"other": 1}', b"[1]"])
def test_what_another_release_has_written_counts_as_nothing(redis: Redis, stored: bytes) -> None:
    redis.set("k", stored)
    assert SharedState(redis, lambda: NOW).change("k", Count, one_more) == 1


def test_without_redis_a_process_goes_on_by_itself() -> None:
    shared = SharedState(None, lambda: NOW)
    assert [shared.change("k", Count, one_more) for _ in range(3)] == [1, 2, 3]


def test_when_redis_goes_away_a_process_goes_on_from_what_it_saw_and_looks_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    now = [NOW]
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        client = Redis.from_url(server.url, socket_timeout=1, socket_connect_timeout=1)
        shared = SharedState(client, lambda: now[0])
        assert shared.change("k", Count, one_more) == 1
    assert shared.values(["none", "k"], Count) == [None, Count(1)]
    assert [shared.change("k", Count, one_more) for _ in range(2)] == [2, 3]
    now[0] += LOOK_AGAIN - timedelta(seconds=1)
    assert shared.change("k", Count, one_more) == 4
    client.close()


def test_redis_is_left_alone_for_a_while_once_it_was_away(redis: Redis) -> None:
    now = [NOW]
    shared = SharedState(redis, lambda: now[0])
    redis.lpush("k", "not a value")  # GET of a list is refused by Redis
    assert shared.change("k", Count, one_more) == 1
    redis.delete("k")
    assert shared.change("k", Count, one_more) == 2
    assert redis.exists("k") == 0
    now[0] += LOOK_AGAIN
    assert shared.change("k", Count, one_more) == 1
    assert redis.exists("k") == 1
