"""What the routes work with: ledger, read tables, banks, settings, clock, randomness. Made once, at the door."""

from __future__ import annotations

import hmac
import uuid
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from time import monotonic

from redis import Redis

from banks.bank import Bank
from banks.circuits import Operation, State
from banks.feeds.feed import Feed
from banks.gate import states
from banks.live import LiveAccounts
from banks.pace import pace_of
from banks.shared_state import SharedState
from banks.transport import Transport
from ledger.settings import Settings
from ledger.store import Ledger
from projections.database import Reader, open_reader

REDIS_PATIENCE_S = 1.0
"""How long `/ready`, or a call to a bank, waits for Redis; nothing else here needs it."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The parts behind the routes. `banks`: adapters by the id of our account; `feeds`: the aggregators of those
    accounts that have one. `clock`: aware UTC instants.

    `token`: random bytes. `redis` is asked whether it is there and how the banks' circuits stand: web rings no job.
    """

    ledger: Ledger
    reader: Reader
    banks: Mapping[str, Bank]
    settings: Settings
    redis: Redis
    clock: Callable[[], datetime]
    token: Callable[[int], bytes]
    feeds: Mapping[str, Feed] = field(default_factory=dict)

    @cached_property
    def cursor_key(self) -> bytes:
        """What page cursors are stamped with: the same in every web process of one installation."""
        return hmac.digest(b64decode(self.settings.master_key.reveal()), b"socai page cursor", "sha256")

    @cached_property
    def _shared(self) -> SharedState:
        return SharedState(self.redis, self.clock)

    def circuits(self) -> dict[str, dict[Operation, State]]:
        """How calls of each operation go at each of our banks, by its code, as all our processes know it."""
        return states(self._shared, sorted({bank.code for bank in self.banks.values()}), self.clock())


def open_services(settings: Settings, clock: Callable[[], datetime], token: Callable[[int], bytes]) -> Services:
    """The services that these settings name. Raises InvalidBankAccounts; servers are first met when they are used."""
    redis = Redis.from_url(settings.redis_url, socket_timeout=REDIS_PATIENCE_S, socket_connect_timeout=REDIS_PATIENCE_S)
    transport = Transport(monotonic, pace=pace_of(settings.bank_calls), shared=SharedState(redis, clock))
    ours = LiveAccounts(settings, transport, clock, token, lambda: str(uuid.UUID(bytes=token(16), version=4)))
    return Services(
        ledger=Ledger.open(settings, token),
        reader=open_reader(settings.read_tables_url),
        banks=ours.banks,
        settings=settings,
        redis=redis,
        clock=clock,
        token=token,
        feeds=ours.feeds,
    )
