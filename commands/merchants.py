"""What may be asked about merchants: registration, API keys, webhook endpoints."""

from __future__ import annotations

from commands.command import Command, Decided, handler
from ledger import accounts
from ledger.accounts import Account
from ledger.context import Context
from ledger.errors import MerchantNotFound
from ledger.ids import derive
from ledger.merchants import ApiKey, Merchant, WebhookEndpoint
from ledger.money import Money
from ledger.privacy import Personal
from ledger.store import Ledger


class RegisterMerchant(Command):
    """A new merchant on these terms, paid to and out of one of our bank accounts."""

    name: str
    bank_account_id: str
    fee_bps: int
    payout_fee: Money
    approvals_needed: int


class AddApiKey(Command):
    """A key for a merchant: only its digest (SHA-256, hex) comes here."""

    merchant_id: str
    key_id: str
    label: str
    role: str
    digest: str


class RevokeApiKey(Command):
    """The key is good no more."""

    merchant_id: str
    key_id: str


class AddWebhookEndpoint(Command):
    """Where public events are told; the secret is sealed before it is kept."""

    merchant_id: str
    url: str
    secret: Personal


class RemoveWebhookEndpoint(Command):
    """Nothing is told there any more."""

    merchant_id: str
    endpoint_id: str


@handler(RegisterMerchant)
def register_merchant(ledger: Ledger, context: Context, command: RegisterMerchant) -> Decided:
    """The merchant, and its guarded available account, empty."""
    merchant_id = derive("mer", context.command_id)
    merchant = Merchant.register(
        context,
        merchant_id=merchant_id,
        name=command.name,
        bank_account_id=command.bank_account_id,
        fee_bps=command.fee_bps,
        payout_fee=command.payout_fee,
        approvals_needed=command.approvals_needed,
    )
    account = Account.open(context, name=accounts.available(merchant_id), currency=command.payout_fee.currency)
    return Decided(merchant, account)


@handler(AddApiKey)
def add_api_key(ledger: Ledger, context: Context, command: AddApiKey) -> Decided:
    """The merchant with one key more."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    key = ApiKey(key_id=command.key_id, label=command.label, role=command.role, digest=command.digest)
    merchant.add_api_key(context, key=key)
    return Decided(merchant)


@handler(RevokeApiKey)
def revoke_api_key(ledger: Ledger, context: Context, command: RevokeApiKey) -> Decided:
    """The merchant with one key less."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    merchant.revoke_api_key(context, key_id=command.key_id)
    return Decided(merchant)


@handler(AddWebhookEndpoint)
def add_webhook_endpoint(ledger: Ledger, context: Context, command: AddWebhookEndpoint) -> Decided:
    """The merchant with one endpoint more; its id is derived from the command, so it comes once."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    endpoint_id = derive("we", context.command_id)
    secret = ledger.vault.seal(ledger.vault.person("webhook_endpoint", endpoint_id), command.secret)
    merchant.add_webhook_endpoint(
        context, endpoint=WebhookEndpoint(endpoint_id=endpoint_id, url=command.url, secret=secret)
    )
    return Decided(merchant)


@handler(RemoveWebhookEndpoint)
def remove_webhook_endpoint(ledger: Ledger, context: Context, command: RemoveWebhookEndpoint) -> Decided:
    """The merchant with one endpoint less."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    merchant.remove_webhook_endpoint(context, endpoint_id=command.endpoint_id)
    return Decided(merchant)
