"""Registration, keys and endpoints."""

from __future__ import annotations

import pytest

from commands.merchants import (
    AddApiKey,
    AddWebhookEndpoint,
    RegisterMerchant,
    RemoveWebhookEndpoint,
    RevokeApiKey,
)
from ledger.accounts import Account, available
from ledger.errors import ApiKeyInvalid, Invalid, MerchantNotFound, Problem
from ledger.merchants import Merchant
from ledger.privacy import Personal
from tests.story import BANK_ACCOUNT, Story, dong

DIGEST = "ab" * 32


def test_a_registered_merchant_has_its_terms_and_an_empty_guarded_account() -> None:
    story = Story()
    merchant_id = story.merchant(fee_bps=150, payout_fee=3_300, approvals=0)
    merchant = story.ledger.get(Merchant, merchant_id)
    assert (merchant.fee_bps, merchant.payout_fee, merchant.approvals_needed) == (150, dong(3_300), 0)
    assert merchant.bank_account_id == BANK_ACCOUNT
    assert story.ledger.get(Account, available(merchant_id)).posted == dong(0)
    assert [envelope.name for envelope in story.log()] == ["merchant.registered", "account.opened"]


def test_terms_outside_their_bounds_register_nobody() -> None:
    story = Story()
    with pytest.raises(Invalid):
        story.when(
            RegisterMerchant(name="x", bank_account_id="ba", fee_bps=1_001, payout_fee=dong(0), approvals_needed=1)
        )
    assert story.log() == []


def test_a_key_is_added_and_revoked_by_its_digest() -> None:
    story = Story()
    merchant_id = story.merchant()
    story.when(AddApiKey(merchant_id=merchant_id, key_id="ak_1", label="till", role="owner", digest=DIGEST))
    assert story.ledger.get(Merchant, merchant_id).key_by_digest(DIGEST).key_id == "ak_1"
    story.when(RevokeApiKey(merchant_id=merchant_id, key_id="ak_1"))
    with pytest.raises(ApiKeyInvalid):
        story.ledger.get(Merchant, merchant_id).key_by_digest(DIGEST)
    with pytest.raises(Problem):
        story.when(RevokeApiKey(merchant_id=merchant_id, key_id="ak_1"))


def test_an_endpoints_secret_is_sealed_and_never_stands_in_the_log() -> None:
    story = Story()
    merchant_id = story.merchant()
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    story.when(AddWebhookEndpoint(merchant_id=merchant_id, url="https://shop.example.vn/", secret=Personal(secret)))
    (endpoint,) = story.ledger.get(Merchant, merchant_id).endpoints.values()
    assert story.ledger.vault.open(endpoint.secret) == secret
    stored = story.ledger.recorder.select_notifications(start=1, limit=100)
    assert not any(secret.encode() in row.state for row in stored)
    story.when(RemoveWebhookEndpoint(merchant_id=merchant_id, endpoint_id=endpoint.endpoint_id))
    assert story.ledger.get(Merchant, merchant_id).endpoints == {}


def test_nothing_can_be_done_for_a_merchant_that_is_not_there() -> None:
    story = Story()
    for command in (
        AddApiKey(merchant_id="mer_9", key_id="ak_1", label="till", role="owner", digest=DIGEST),
        RevokeApiKey(merchant_id="mer_9", key_id="ak_1"),
        AddWebhookEndpoint(merchant_id="mer_9", url="https://shop.example.vn/", secret=Personal("s")),
        RemoveWebhookEndpoint(merchant_id="mer_9", endpoint_id="we_1"),
    ):
        with pytest.raises(MerchantNotFound):
            story.when(command)
    assert story.log() == []
