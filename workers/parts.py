"""What a worker process holds, opened once: the ledger, the read tables, our banks, Redis, the clock and the dice."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

import redis

from banks.bank import Bank
from banks.feeds.feed import Feed
from banks.live import LiveAccounts
from banks.pace import pace_of
from banks.shared_state import SharedState
from banks.transport import Transport
from ledger.context import Context
from ledger.errors import UnknownBankAccount
from ledger.ids import derive
from ledger.settings import Settings
from ledger.store import Ledger
from projections.database import Database, Reader, open_database, open_reader

REDIS_WAIT_S: Final = 5
COMMAND_ID_BYTES: Final = 16


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of one process. `clock` gives aware instants, `token` random bytes; `banks`, and the aggregators of
    those accounts that have one (`feeds`), by bank account id.

    `reader` asks the read tables; `database` writes them, for the projector, and the marks of how far others have come:
    the reactor in the log, scheduler and jobs in our statements.
    """

    settings: Settings
    ledger: Ledger
    reader: Reader
    database: Database
    transport: Transport
    banks: Mapping[str, Bank]
    feeds: Mapping[str, Feed]
    redis: redis.Redis
    clock: Callable[[], datetime]
    token: Callable[[int], bytes]

    @classmethod
    def open(cls, settings: Settings, clock: Callable[[], datetime], token: Callable[[int], bytes]) -> Self:
        """All parts these settings name. Raises InvalidBankAccounts, UnknownBank; connections are made when used."""
        ledger = Ledger.open(settings, token)  # first: of all that may be wrong, people need to hear of this one first
        redis_ = connect(settings.redis_url)
        transport = Transport(time.monotonic, pace=pace_of(settings.bank_calls), shared=SharedState(redis_, clock))
        ours = LiveAccounts(settings, transport, clock, token, lambda: str(uuid.UUID(bytes=token(16))))
        return cls(
            settings=settings,
            ledger=ledger,
            reader=open_reader(settings.read_tables_url),
            database=open_database(settings.read_tables_url),
            transport=transport,
            banks=ours.banks,
            feeds=ours.feeds,
            redis=redis_,
            clock=clock,
            token=token,
        )

    def context(self, worker: str, subject: str, cause: str | None = None) -> Context:
        """The context of a command of this worker, about `subject`, led to by the event `cause` (`stream@version`).

        The command id is random: two workers that try the same thing must not be taken for one, since only the one
        whose command was kept may act on it.
        """
        return Context(
            at=self.clock(),
            actor=f"worker:{worker}",
            command_id=derive("cmd", self.token(COMMAND_ID_BYTES).hex()),
            correlation_id=subject,
            causation_id=cause,
        )

    def bank(self, bank_account_id: str) -> Bank:
        """The bank at which this account of ours is. Raises UnknownBankAccount."""
        bank = self.banks.get(bank_account_id)
        if bank is None:
            raise UnknownBankAccount(f"SOCAI_BANK_ACCOUNTS names no account {bank_account_id!r}.", id=bank_account_id)
        return bank

    def close(self) -> None:
        """Lets every connection go."""
        self.ledger.close()
        self.reader.close()
        self.database.close()
        self.transport.close()
        self.redis.close()


def connect(url: str) -> redis.Redis:
    """A connection to Redis that gives up after REDIS_WAIT_S seconds."""
    return redis.Redis.from_url(url, socket_timeout=REDIS_WAIT_S, socket_connect_timeout=REDIS_WAIT_S)


_held: list[Parts] = []


def hold(parts: Parts) -> None:
    """Let the jobs of this process use these parts: a job is handed ids only."""
    _held[:] = [parts]


def held() -> Parts:
    """The parts of this process. Raises LookupError before `hold`."""
    if not _held:
        raise LookupError("this process opened no parts; a job runs under `python -m workers run QUEUE`")
    return _held[0]
