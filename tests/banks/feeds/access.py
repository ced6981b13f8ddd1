"""An account of ours whose movements an aggregator tells."""

from __future__ import annotations

from banks.accounts import BankAccount, Credentials, Entry, FeedAccess
from ledger.settings import Secret


class NoCredentials(Credentials):
    """Of a bank that is not spoken to here."""

    @classmethod
    def read(cls, entry: Entry) -> NoCredentials:
        del entry
        return cls()


def account(source: str, *keys: str, bank: str = "mb", number: str = "0001234567890") -> BankAccount:
    return BankAccount(
        id="ba_fed",
        bank=bank,
        account_number=number,
        holder="CTY SOCAI",
        base_url="http://localhost",
        credentials=NoCredentials(),
        feed=FeedAccess(source, tuple(Secret(key) for key in keys)),
    )
