"""Which banks there are: every subclass of Bank in a file of this package. Dropping a file in is enough.

Sub-packages are not looked into: a bank simulator lives beside the adapters and shares nothing with them.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path

import banks
from banks.accounts import BankAccount, read_accounts
from banks.bank import Bank
from banks.transport import Transport
from ledger.errors import UnknownBank


@cache
def bank_classes() -> dict[str, type[Bank]]:
    """The adapter classes by bank code, in alphabetical order."""
    for module in pkgutil.iter_modules(banks.__path__):
        if not module.ispkg and module.name != "__main__":
            import_module(f"banks.{module.name}")
    found: dict[str, type[Bank]] = {}
    waiting = Bank.__subclasses__()
    while waiting:
        bank = waiting.pop()
        waiting.extend(bank.__subclasses__())
        if not inspect.isabstract(bank) and bank.__module__.startswith("banks."):
            found[bank.code] = bank
    return dict(sorted(found.items()))


def bank_class(code: str, *, field: str = "bank") -> type[Bank]:
    """The adapter of the bank with this code. Raises UnknownBank that lists what there is."""
    found = bank_classes().get(code)
    if found is None:
        raise UnknownBank(f"Use one of: {', '.join(bank_classes())}.", field=field)
    return found


def load_accounts(path: Path) -> dict[str, BankAccount]:
    """Our bank accounts by id, from the JSON file at `path`, each with the credentials its bank wants.

    Raises InvalidBankAccounts that lists every fault with its place, and quotes no value.
    """
    return read_accounts(path, {code: bank.credentials for code, bank in bank_classes().items()})


def open_banks(
    accounts: Mapping[str, BankAccount],
    transport: Transport,
    clock: Callable[[], datetime],
    token: Callable[[], str],
) -> dict[str, Bank]:
    """Each of our accounts with its adapter, by the id of the account. A bank that is met in its own way gets a
    transport beside `transport`, closed together with it. Raises UnknownBank, InvalidBankAccounts.
    """
    opened: dict[str, Bank] = {}
    for id_, account in accounts.items():
        bank = bank_class(account.bank, field=f"{id_}.bank")
        tls = bank.tls(account)
        opened[id_] = bank(account, transport.met_by(tls) if tls is not None else transport, clock, token)
    return opened
