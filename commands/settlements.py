"""What may be asked about settlements: close a merchant's open payments, release what was closed."""

from __future__ import annotations

from commands.command import Command, Decided, handler
from commands.overdrafts import overdrawn
from commands.payments import intent_of
from ledger import accounts, journal
from ledger.accounts import Account
from ledger.calendar import bank_day
from ledger.context import Context
from ledger.errors import AccountNotFound, InvalidField, MerchantNotFound, SettlementNotFound
from ledger.ids import derive
from ledger.merchants import Merchant
from ledger.settlements import PAYMENTS_MAX, Settlement, SettlementLine
from ledger.store import Ledger


class CloseSettlement(Command):
    """Close these payments of a merchant into one settlement; those with nothing unsettled are passed over."""

    merchant_id: str
    payment_intent_ids: tuple[str, ...]


class ReleaseSettlement(Command):
    """Make the net of a settlement available to its merchant."""

    settlement_id: str


@handler(CloseSettlement)
def close_settlement(ledger: Ledger, context: Context, command: CloseSettlement) -> Decided:
    """The settlement, and every payment in it marked: a payment is in one settlement only."""
    merchant = ledger.get(Merchant, command.merchant_id, MerchantNotFound)
    ids = dict.fromkeys(command.payment_intent_ids)
    if len(ids) > PAYMENTS_MAX:
        raise InvalidField(f"One settlement takes at most {PAYMENTS_MAX} payments.", field="payment_intent_ids")
    intents = [intent_of(ledger, merchant.id, intent_id) for intent_id in ids]
    unsettled = [intent for intent in intents if intent.unsettled_gross or intent.unsettled_fee]
    lines = [
        SettlementLine(payment_intent_id=intent.id, gross=intent.unsettled_gross, fee=intent.unsettled_fee)
        for intent in unsettled
    ]
    settlement_id = derive("stl", context.command_id)
    settlement = Settlement.close(context, settlement_id=settlement_id, merchant_id=merchant.id, lines=lines)
    for intent in unsettled:
        intent.settle(context, settlement_id=settlement_id)
    return Decided(settlement, *unsettled)


@handler(ReleaseSettlement)
def release_settlement(ledger: Ledger, context: Context, command: ReleaseSettlement) -> Decided:
    """The settlement, released: its net moves from pending to available."""
    settlement = ledger.get(Settlement, command.settlement_id, SettlementNotFound)
    entry = journal.settlement_released(
        context,
        settlement_id=settlement.id,
        on=bank_day(context.at),
        merchant_id=settlement.merchant_id,
        net=settlement.net,
    )
    settlement.release(context, entry_id=entry.id)
    account = ledger.get(Account, accounts.available(settlement.merchant_id), AccountNotFound)
    if settlement.net.units >= 0:
        account.credit(context, amount=settlement.net, entry_id=entry.id)
    else:
        account.debit(context, amount=-settlement.net, entry_id=entry.id)
    return Decided(settlement, account, entry, *overdrawn(context, account, entry.id))
