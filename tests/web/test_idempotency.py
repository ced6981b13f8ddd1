"""The same key and content: the same answer, byte for byte, and nothing done twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from ledger.errors import IdempotencyKeyInvalid, IdempotencyKeyMissing
from ledger.payouts import Payout
from tests.web.stage import OPERATOR_KEYS, Stage, payout, problem, said
from web.idempotency import key_of


def key(header: str | None, body: object = None, path: str = "/v1/payouts") -> str:
    return key_of(header, scope="mer_1", method="POST", path=path, body=body or {}).fingerprint


def test_the_fingerprint_counts_what_is_said_and_not_how() -> None:
    assert key("k", {"a": 1, "b": 2}) == key("k", {"b": 2, "a": 1})
    assert key("k", {"a": 1}) != key("k", {"a": 2})
    assert key("k", {"a": 1}) != key("k", {"a": 1}, "/v1/merchants")


def test_no_key_is_refused() -> None:
    with pytest.raises(IdempotencyKeyMissing):
        key(None)


@pytest.mark.parametrize("header", ["", " ", "a b", "a" * 256, "khoá", "a\tb"])
def test_a_key_is_visible_ascii_of_some_length(header: str) -> None:
    with pytest.raises(IdempotencyKeyInvalid):
        key(header)


def test_the_same_request_again_gives_the_same_bytes_whatever_happened_since(stage: Stage) -> None:
    shop = stage.shop()
    stage.funds(shop)
    first = stage.ask("POST", "/v1/payouts", payout(), bearer=shop.keys["requester"], key="k1")
    made = json.loads(first.data)["id"]
    stage.done("POST", f"/v1/payouts/{made}/approve", bearer=shop.keys["approver"])
    second = stage.ask("POST", "/v1/payouts", payout(), bearer=shop.keys["requester"], key="k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_other_content_under_the_same_key_is_refused(stage: Stage) -> None:
    shop = stage.shop()
    stage.funds(shop)
    stage.payout(shop, key="k1")
    answer = stage.ask("POST", "/v1/payouts", payout(200_001), bearer=shop.keys["requester"], key="k1")
    assert problem(answer) == (422, "idempotency-key-reused", "Idempotency-Key")


def test_two_merchants_may_use_the_same_key(stage: Stage) -> None:
    made = [stage.intent(stage.shop(name)) for name in ("A", "B")]
    assert made[0]["id"] != made[1]["id"]
    again = [
        stage.done(
            "POST",
            "/v1/payment-intents",
            {"amount": 5, "currency": "VND"},
            bearer=stage.shop(name).keys["owner"],
            key="same",
        )["id"]
        for name in ("C", "D")
    ]
    assert again[0] != again[1]


def test_twenty_at_once_under_one_key_make_one_payout(stage: Stage) -> None:
    shop = stage.shop()
    stage.funds(shop, 9_000_000)
    barrier = Barrier(20)
    app = stage.app
    headers = {"Authorization": f"Bearer {shop.keys['requester']}", "Idempotency-Key": "one"}

    def post(_: int) -> tuple[int, bytes]:
        barrier.wait()
        answer = app.test_client().post("/v1/payouts", json=payout(), headers=headers)
        return answer.status_code, answer.data

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(post, range(20)))
    assert len(answers) == 1
    assert {status for status, _ in answers} == {201}
    made = [one for one in stage.services.ledger.follow() if isinstance(one.event, Payout.Requested)]
    assert len(made) == 1


def test_a_refused_request_may_be_sent_again_under_its_key(stage: Stage) -> None:
    shop = stage.shop()
    refused = stage.ask("POST", "/v1/payouts", payout(), bearer=shop.keys["requester"], key="k1")
    assert said(refused)["code"] == "insufficient-funds"
    stage.funds(shop)
    assert stage.payout(shop, key="k1")["status"] == "requested"


@pytest.mark.parametrize(("given", "slug"), [("", "idempotency-key-missing"), ("a b", "idempotency-key-invalid")])
def test_a_command_without_a_usable_key_is_refused(stage: Stage, given: str, slug: str) -> None:
    body = {"label": "x", "role": "owner"}
    path = f"/v1/merchants/{stage.shop().id}/api-keys"
    answer = stage.ask("POST", path, body, bearer=OPERATOR_KEYS["admin"], key=given)
    assert problem(answer) == (400, slug, "Idempotency-Key")
