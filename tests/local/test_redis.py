"""The Redis of the local stage refuses rather than evicts, and forgets at a restart."""

from __future__ import annotations

from pathlib import Path

import redis

from local.redis import RedisServer


def test_it_evicts_nothing_and_writes_nothing(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("save") == {"save": ""}


def test_a_restarted_server_has_the_same_address_and_nothing_in_it(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("bell", "rung")
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("bell") is None
