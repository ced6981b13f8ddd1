"""Our accounts at banks over HTTP: which there are and what each bank offers; never what we prove ourselves with."""

from __future__ import annotations

from marshmallow import Schema, fields

from banks.bank import Bank
from web.auth import OPERATORS
from web.fields import Word
from web.pages import whole
from web.routes import Answer, Call, route


class BankAccountShown(Schema):
    """One of our accounts."""

    object = Word("bank_account", required=True)
    id = fields.String(required=True)
    bank = fields.String(required=True)
    bank_name = fields.String(required=True)
    bin = fields.String(required=True)
    account_number = fields.String(required=True)
    holder = fields.String(required=True)
    capabilities = fields.List(fields.String(), required=True)


@route("GET", "/v1/bank-accounts", roles=OPERATORS, answer=BankAccountShown, listed=True)
def list_bank_accounts(call: Call) -> Answer:
    """Our accounts at banks."""
    return whole([_show(bank) for _, bank in sorted(call.services.banks.items())])


def _show(bank: Bank) -> dict[str, object]:
    return {
        "object": "bank_account",
        "id": bank.account.id,
        "bank": bank.code,
        "bank_name": bank.name,
        "bin": bank.bin,
        "account_number": bank.account.account_number,
        "holder": bank.account.holder,
        "capabilities": sorted(capability.value for capability in bank.capabilities),
    }
