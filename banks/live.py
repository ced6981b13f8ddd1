"""Our banks as the accounts file has them now: credentials and master keys are replaced while everything runs.

Before each use the files are looked at, not read: while they are what they were, that is all. A changed file is read
once. Accounts whose entry did not change keep their adapter with its connections and access token; a file that cannot
be used changes nothing, and is told of in the log until somebody mends it. Which queues a worker serves is settled when
it starts, so the first account at another bank needs a restart of the workers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import TypeAlias, TypeVar

from banks.bank import Bank
from banks.feeds.feed import Feed
from banks.registry import load_accounts, open_banks, open_feeds
from banks.sealing import open_sealer
from banks.transport import Transport
from ledger.errors import Problem
from ledger.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
Look: TypeAlias = "tuple[tuple[int, int, int], ...]"


class Current(Mapping[str, T]):
    """A mapping that is a newer one whenever there is one; who goes through it goes through one and the same."""

    def __init__(self, now: Callable[[], Mapping[str, T]]) -> None:
        self._now = now

    def __getitem__(self, key: str) -> T:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def keys(self) -> KeysView[str]:
        """Of one moment."""
        return self._now().keys()

    def values(self) -> ValuesView[T]:
        """Of one moment."""
        return self._now().values()

    def items(self) -> ItemsView[str, T]:
        """Of one moment."""
        return self._now().items()


@dataclass(frozen=True, slots=True)
class _Opened:
    banks: Mapping[str, Bank]
    feeds: Mapping[str, Feed]


class LiveAccounts:
    """`banks` and `feeds` by the id of our account. `call_id` gives a fresh id for each call of a bank, `token` random
    bytes. Raises InvalidBankAccounts, UnknownBank when the files cannot be used to begin with.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        clock: Callable[[], datetime],
        token: Callable[[int], bytes],
        call_id: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._transport = transport
        self._clock = clock
        self._token = token
        self._call_id = call_id
        self._reading = Lock()
        self._looked = self._look()
        self._opened = self._open({})
        self.banks: Mapping[str, Bank] = Current(lambda: self._now().banks)
        self.feeds: Mapping[str, Feed] = Current(lambda: self._now().feeds)

    def _now(self) -> _Opened:
        look = self._look()
        # Who comes while another reads goes on with what there is.
        if look != self._looked and self._reading.acquire(blocking=False):
            try:
                self._looked = look
                self._opened = self._open(self._opened.banks)
                log.info("the changed accounts file is in use")
            except Problem as problem:
                log.error("the changed accounts file is not used: %s (%s)", problem.detail, problem.field)
            finally:
                self._reading.release()
        return self._opened

    def _look(self) -> Look:
        """Looked at before it is read, so that a change in between is seen at the next look."""
        found = []
        for path in (self._settings.bank_accounts, self._settings.master_key_file):
            if path is not None:
                found.append(_seen(path))
        return tuple(found)

    def _open(self, held: Mapping[str, Bank]) -> _Opened:
        sealer = open_sealer(self._settings.master_key, self._settings.master_key_file, self._token)
        accounts = load_accounts(self._settings.bank_accounts, sealer)
        banks = open_banks(accounts, self._transport, self._clock, self._call_id, held)
        return _Opened(banks, open_feeds(accounts, self._clock))


def _seen(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
