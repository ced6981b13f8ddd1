"""Which banks there are, every subclass of Bank in a file of this package, and which aggregators, every Feed in
`banks/feeds/`. Dropping a file in is enough.

Other sub-packages are not looked into: a bank simulator lives beside the adapters and shares nothing with them.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TypeVar

import banks
import banks.feeds
from banks.accounts import BankAccount, read_accounts
from banks.bank import Bank, Capability
from banks.feeds.feed import Feed
from banks.sealing import Sealer
from banks.transport import Transport
from ledger.errors import UnknownBank

T = TypeVar("T")


@cache
def bank_classes() -> dict[str, type[Bank]]:
    """The adapter classes by bank code, in alphabetical order."""
    _import_all(banks)
    return dict(sorted((bank.code, bank) for bank in _below(Bank.__subclasses__())))


def bank_class(code: str, *, field: str = "bank") -> type[Bank]:
    """The adapter of the bank with this code. Raises UnknownBank that lists what there is."""
    found = bank_classes().get(code)
    if found is None:
        raise UnknownBank(f"Use one of: {', '.join(bank_classes())}.", field=field)
    return found


@cache
def feed_classes() -> dict[str, type[Feed]]:
    """The aggregators' classes by code, in alphabetical order."""
    _import_all(banks.feeds)
    return dict(sorted((feed.code, feed) for feed in _below(Feed.__subclasses__())))


def load_accounts(path: Path, sealer: Sealer | None = None) -> dict[str, BankAccount]:
    """Our bank accounts by id, from the JSON file at `path`, each with the credentials its bank wants; `sealer` opens
    what is sealed.

    Raises InvalidBankAccounts that lists every fault with its place, and quotes no value.
    """
    classes = {code: bank.credentials for code, bank in bank_classes().items()}
    return read_accounts(path, classes, feed_classes(), sealer)


def open_banks(
    accounts: Mapping[str, BankAccount],
    transport: Transport,
    clock: Callable[[], datetime],
    token: Callable[[], str],
    held: Mapping[str, Bank] = MappingProxyType({}),
) -> dict[str, Bank]:
    """Each of our accounts with its adapter, by the id of the account. Each bank gets a transport beside `transport`,
    closed together with it. An adapter in `held` whose account reads as before stays.
    Raises UnknownBank, InvalidBankAccounts.
    """
    opened: dict[str, Bank] = {}
    for id_, account in accounts.items():
        if id_ in held and account.stamp and held[id_].account.stamp == account.stamp:
            opened[id_] = held[id_]
            continue
        bank = bank_class(account.bank, field=f"{id_}.bank")
        met = transport.at_bank(bank.code, bank.pace, bank.time_limits, clock, bank.tls(account))
        opened[id_] = bank(account, met, clock, token)
        # What comes in is read and nothing is sent with these, so they need no transport of their own.
        opened[id_].earlier = tuple(
            (bank(replace(account, credentials=one.credentials, earlier=()), met, clock, token), one.valid_until)
            for one in account.earlier
        )
    return opened


def open_feeds(accounts: Mapping[str, BankAccount], clock: Callable[[], datetime]) -> dict[str, Feed]:
    """The aggregator of each account that names one, by the id of the account. Raises InvalidBankAccounts where its
    movements could not be told from those that the bank itself tells.
    """
    opened: dict[str, Feed] = {}
    for id_, account in accounts.items():
        if account.feed is not None:
            # A bank that offers no history tells of no movements by push either, so there is no other key to meet.
            alone = Capability.HISTORY not in bank_class(account.bank, field=f"{id_}.bank").capabilities
            opened[id_] = feed_classes()[account.feed.source](account, clock, alone=alone)
    return opened


def _import_all(package: ModuleType) -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if not module.ispkg and module.name != "__main__":
            import_module(f"{package.__name__}.{module.name}")


def _below(kinds: Sequence[type[T]]) -> Iterator[type[T]]:
    """Each of these classes and every class under it that stands in this package and can be made."""
    waiting = list(kinds)
    while waiting:
        found = waiting.pop()
        waiting.extend(found.__subclasses__())
        if not inspect.isabstract(found) and found.__module__.startswith("banks."):
            yield found
