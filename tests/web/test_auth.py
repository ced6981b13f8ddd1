"""Only a good key opens anything, and a revoked one is refused at once."""

from __future__ import annotations

import pytest

from ledger.errors import ApiKeyInvalid, RoleMissing
from tests.web.stage import OPERATOR_KEYS, Stage
from web.auth import ADMIN, MERCHANTS, OPERATORS, admit, new_merchant_key

ALL = MERCHANTS | OPERATORS


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


def admitted(stage: Stage, authorization: str | None, roles: frozenset[str] = ALL) -> str:
    operators = stage.services.settings.operator_keys
    return admit(stage.services.ledger, operators, authorization, roles).actor


def test_a_key_says_who_asks(stage: Stage) -> None:
    shop = stage.shop()
    assert admitted(stage, f"Bearer {OPERATOR_KEYS['auditor']}") == "operator:auditor-an"
    assert admitted(stage, f"bearer {shop.keys['reader']}").startswith(f"merchant:{shop.id}/key:ak_")


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic b3A6b3A=",
        "Bearer op_nobody",
        "Bearer sk_",
        "Bearer " + new_merchant_key("mer_" + "a" * 26, bytes),
        "Bearer đồng",
        f"{OPERATOR_KEYS['admin']}",
        f"Bearer {OPERATOR_KEYS['admin']}x",
        f"Bearer  {OPERATOR_KEYS['admin']}",
    ],
)
def test_whoever_is_not_known_is_refused_in_the_same_words(stage: Stage, authorization: str | None) -> None:
    with pytest.raises(ApiKeyInvalid) as refused:
        admitted(stage, authorization)
    assert refused.value.detail == "Send a valid key as: Authorization: Bearer sk_…"
    assert refused.value.field == "Authorization"


def test_a_key_of_one_merchant_does_not_open_another(stage: Stage) -> None:
    ours, theirs = stage.shop(), stage.shop("Khác")
    secret = ours.keys["owner"].rpartition("_")[2]
    with pytest.raises(ApiKeyInvalid):
        admitted(stage, f"Bearer sk_{theirs.id.removeprefix('mer_')}_{secret}")


def test_a_role_outside_those_asked_for_is_refused(stage: Stage) -> None:
    with pytest.raises(RoleMissing) as refused:
        admitted(stage, f"Bearer {OPERATOR_KEYS['auditor']}", ADMIN)
    assert "operator:admin" in refused.value.detail


def test_a_revoked_key_is_refused_at_once(stage: Stage) -> None:
    shop = stage.shop()
    owner = shop.keys["owner"]
    listed = stage.done("GET", "/v1/api-keys", bearer=owner)["data"]
    reader = next(key for key in listed if key["role"] == "reader")
    stage.done("DELETE", f"/v1/api-keys/{reader['id']}", bearer=owner)
    with pytest.raises(ApiKeyInvalid):
        admitted(stage, f"Bearer {shop.keys['reader']}")


def test_keys_are_kept_as_digests_only(stage: Stage) -> None:
    shop = stage.shop()
    kept = b"".join(
        stored.state
        for stored in stage.services.ledger.recorder.select_events(shop.id)  # the stored bytes themselves
    )
    for key in shop.keys.values():
        assert key.encode() not in kept
        assert key.rpartition("_")[2].encode() not in kept
