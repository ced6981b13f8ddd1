"""Merchant: terms inside their bounds, keys by digest only, endpoints in number."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import ApiKeyInvalid, Problem
from ledger.merchants import API_KEYS_MAX, ENDPOINTS_MAX, FEE_BPS_MAX, KEY_ROLES, ApiKey, Merchant, WebhookEndpoint
from ledger.privacy import Sealed
from tests.story import Story, dong

NOW = Story().context()
SEALED = Sealed(person="person_1", key="k", text="dGV4dA==", digest="d")
TERMS: dict[str, Any] = {
    "name": "Cửa hàng Hoa Sen",
    "bank_account_id": "ba_1",
    "fee_bps": 100,
    "payout_fee": dong(3_300),
    "approvals_needed": 1,
}


def merchant(**terms: Any) -> Merchant:
    return Merchant.register(NOW, merchant_id="mer_1", **{**TERMS, **terms})


def key(number: int = 1, role: str = "owner") -> ApiKey:
    return ApiKey(key_id=f"ak_{number}", label="till", role=role, digest=f"{number:064x}")


def endpoint(number: int = 1) -> WebhookEndpoint:
    return WebhookEndpoint(endpoint_id=f"we_{number}", url="https://shop.example.vn/hook", secret=SEALED)


@pytest.mark.parametrize("bps", [0, FEE_BPS_MAX])
def test_terms_at_their_bounds_are_taken(bps: int) -> None:
    assert merchant(fee_bps=bps, payout_fee=dong(0), approvals_needed=0).fee_bps == bps


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("fee_bps", -1),
        ("fee_bps", FEE_BPS_MAX + 1),
        ("payout_fee", dong(-1)),
        ("approvals_needed", -1),
        ("approvals_needed", 2),
        ("name", ""),
        ("name", "  "),
    ],
)
def test_terms_outside_their_bounds_are_refused_naming_the_field(field: str, wrong: object) -> None:
    with pytest.raises(Problem) as refusal:
        merchant(**{field: wrong})
    assert (refusal.value.slug, refusal.value.field) == ("invalid-field", field)


@pytest.mark.parametrize("role", KEY_ROLES)
def test_a_key_is_known_by_its_digest_until_it_is_revoked(role: str) -> None:
    one = merchant()
    one.add_api_key(NOW, key=key(1, role))
    assert one.key_by_digest(key(1).digest).role == role
    one.revoke_api_key(NOW, key_id="ak_1")
    with pytest.raises(ApiKeyInvalid) as refusal:
        one.key_by_digest(key(1).digest)
    assert key(1).digest not in refusal.value.detail


@pytest.mark.parametrize("digest", ["", "0" * 64, f"{1:063x}"])
def test_a_digest_of_no_key_opens_nothing(digest: str) -> None:
    one = merchant()
    one.add_api_key(NOW, key=key())
    with pytest.raises(ApiKeyInvalid):
        one.key_by_digest(digest)


def test_a_key_of_an_unknown_role_or_known_id_or_one_too_many_is_refused() -> None:
    one = merchant()
    for number in range(API_KEYS_MAX):
        one.add_api_key(NOW, key=key(number))
    for wrong in (key(99, "king"), key(1), key(99)):
        with pytest.raises(Problem):
            one.add_api_key(NOW, key=wrong)
    assert len(one.api_keys) == API_KEYS_MAX


def test_what_is_not_there_cannot_be_taken_away() -> None:
    one = merchant()
    with pytest.raises(Problem):
        one.revoke_api_key(NOW, key_id="ak_9")
    with pytest.raises(Problem):
        one.remove_webhook_endpoint(NOW, endpoint_id="we_9")
    assert one.version == 1


def test_endpoints_come_and_go_up_to_their_number() -> None:
    one = merchant()
    for number in range(ENDPOINTS_MAX):
        one.add_webhook_endpoint(NOW, endpoint=endpoint(number))
    with pytest.raises(Problem):
        one.add_webhook_endpoint(NOW, endpoint=endpoint(9))
    one.remove_webhook_endpoint(NOW, endpoint_id="we_0")
    one.add_webhook_endpoint(NOW, endpoint=endpoint(9))
    assert list(one.endpoints) == ["we_1", "we_2", "we_3", "we_4", "we_9"]
