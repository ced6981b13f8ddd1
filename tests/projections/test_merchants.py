"""Merchants in the table have the terms they were registered on."""

from __future__ import annotations

from ledger.merchants import Merchant
from projections.database import Database
from projections.merchants import merchant, merchants
from tests.projections.tale import Tale


def test_every_merchant_is_shown_with_its_terms(tale: Tale, tables: Database) -> None:
    shown = merchants(tables, limit=10)
    assert {row.id for row in shown} == {tale.merchant, tale.quiet}
    for row in shown:
        registered = tale.story.ledger.get(Merchant, row.id)
        assert (row.name, row.bank_account_id, row.fee_bps, row.approvals_needed) == (
            registered.name,
            registered.bank_account_id,
            registered.fee_bps,
            registered.approvals_needed,
        )
        assert (row.payout_fee, row.currency) == (registered.payout_fee.units, registered.payout_fee.currency)
        assert merchant(tables, row.id) == row
    assert merchant(tables, "mer_nobody") is None
