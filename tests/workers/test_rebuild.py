"""Building the read models anew is nothing but writing tables: no event, no job, no notice and no order comes of it."""

from __future__ import annotations

import os
import subprocess
import sys

from redis import Redis

from projections.places import places
from tests.banks.http_server import HttpServer
from tests.torture.trial import ROOT
from tests.workers.world import World


def command(world: World, *words: str) -> str:
    """What the operators' command says; it must succeed."""
    environment = {**os.environ, **world.environment, "PYTHONPATH": str(ROOT)}
    asked = [sys.executable, "-m", "projections", *words]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def effects(world: World, redis: Redis, shop: HttpServer, payout_id: str) -> tuple[int, int, int, int]:
    """The end of the log, keys in Redis, calls of the merchant's, orders of the payout at the bank."""
    return world.parts.ledger.head(), int(redis.dbsize()), len(shop.received), world.received(payout_id)


def test_a_rebuild_of_everything_has_no_effect_but_tables(world_on_each: World) -> None:
    world = world_on_each
    with HttpServer() as shop, Redis.from_url(world.parts.settings.redis_url) as redis:
        merchant_id = world.funded_merchant()
        world.endpoint(merchant_id, f"{shop.url}/hook")
        world.pay(world.intent(merchant_id))
        world.read_statement()
        payout_id = world.request_payout(merchant_id)
        redis.flushdb()
        before = effects(world, redis, shop, payout_id)
        assert before[1:] == (0, 0, 0)
        # From nothing, beside tables that serve, and as those that served before take over again.
        for words in (["rebuild"], ["rebuild"], ["swap", "--back", "payouts", "webhooks"]):
            command(world, *words)
            assert effects(world, redis, shop, payout_id) == before
        assert all(place.position == before[0] for place in places(world.parts.database).values())
        # All of it was due: who may act does so at once.
        world.round()
        after = effects(world, redis, shop, payout_id)
        assert all(more > less for more, less in zip(after, before, strict=True))
