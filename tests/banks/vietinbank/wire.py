"""VietinBank's side as the tests need it: keys, what it gave us, and the examples of chapter 4 of the specification."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from banks.accounts import BankAccount
from banks.bank import Beneficiary, TransferOrder
from banks.vietinbank_credentials import VietinbankCredentials
from ledger.money import Money
from ledger.settings import Secret

ID = "SOCAI000000001"
ACCOUNT_NUMBER = "110000000001"

ORDER = TransferOrder(
    end_to_end_id=ID,
    rail="napas",
    beneficiary=Beneficiary("970416", "12345678", "Nguyễn Văn (A)"),
    amount=Money(200_000),
    memo="Chi trả [1]",
)


@cache
def key(name: str) -> RSAPrivateKey:
    """One key for each name: ours, bank, older (another of the bank's), stranger."""
    del name
    return generate_private_key(public_exponent=65537, key_size=2048)


def given() -> VietinbankCredentials:
    return VietinbankCredentials(
        client_id="planted-client-id",
        client_secret=Secret("planted-client-secret"),
        provider_id="SOCAI",
        merchant_id="",
        software_provider_id="ERP-SOCAI",
        approver="checker1",
        appointed_approver="maker1",
        client_ip="203.0.113.7",
        sender_address="Số 1 Phố Huế",
        fee_account="",
        private_key=key("ours"),
        bank_keys=(key("bank").public_key(), key("older").public_key()),
    )


def account() -> BankAccount:
    return BankAccount(
        id="ba_vietinbank_main",
        bank="vietinbank",
        account_number=ACCOUNT_NUMBER,
        holder="Cty TNHH Socai",
        base_url="https://bank.example/vtb",
        credentials=given(),
    )
