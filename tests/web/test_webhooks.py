"""Webhook endpoints over HTTP, and the addresses we would never send to."""

from __future__ import annotations

from base64 import b64decode

import pytest

from ledger.addresses import check
from ledger.errors import WebhookUrlInvalid
from ledger.merchants import Merchant
from tests.web.stage import Stage, problem

URL = "https://shop.example/hooks?x=1"


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


def test_the_secret_of_an_endpoint_is_shown_once_and_kept_sealed(stage: Stage) -> None:
    shop = stage.shop()
    first = stage.done("POST", "/v1/webhook-endpoints", {"url": URL}, bearer=shop.keys["owner"], key="k")
    second = stage.done("POST", "/v1/webhook-endpoints", {"url": URL}, bearer=shop.keys["owner"], key="k")
    assert second == first | {"secret": None}
    assert len(b64decode(first["secret"].removeprefix("whsec_"))) == 32
    endpoint = stage.services.ledger.get(Merchant, shop.id).endpoints[first["id"]]
    assert stage.services.ledger.vault.open(endpoint.secret) == first["secret"]
    assert first["secret"] not in repr(endpoint)


def test_an_endpoint_is_listed_until_it_is_removed(stage: Stage) -> None:
    shop = stage.shop()
    made = stage.done("POST", "/v1/webhook-endpoints", {"url": URL}, bearer=shop.keys["owner"])
    listed = stage.done("GET", "/v1/webhook-endpoints", bearer=shop.keys["reader"])["data"]
    assert listed == [{"object": "webhook_endpoint", "id": made["id"], "url": URL}]
    path = f"/v1/webhook-endpoints/{made['id']}"
    stage.done("DELETE", path, bearer=shop.keys["owner"])
    assert stage.done("GET", "/v1/webhook-endpoints", bearer=shop.keys["reader"])["data"] == []
    assert problem(stage.ask("DELETE", path, bearer=shop.keys["owner"]))[:2] == (404, "webhook-endpoint-not-found")


def test_deliveries_are_listed_newest_first(stage: Stage) -> None:
    shop = stage.shop()
    stage.done("POST", "/v1/webhook-endpoints", {"url": URL}, bearer=shop.keys["owner"])
    intent = stage.intent(shop)
    stage.pays(intent["code"])
    stage.project()
    first = stage.done("GET", "/v1/webhook-deliveries?limit=1", bearer=shop.keys["reader"])
    path = f"/v1/webhook-deliveries?limit=1&cursor={first['next_cursor']}"
    second = stage.done("GET", path, bearer=shop.keys["reader"])
    told = [row["event"] for row in first["data"] + second["data"]]
    assert told == ["payment_intent.paid", "payment_intent.created"]
    assert {row["status"] for row in first["data"] + second["data"]} == {"pending"}


def test_deliveries_of_another_merchant_are_not_shown(stage: Stage) -> None:
    ours, theirs = stage.shop(), stage.shop("Khác")
    stage.done("POST", "/v1/webhook-endpoints", {"url": URL}, bearer=theirs.keys["owner"])
    stage.intent(theirs)
    stage.project()
    assert stage.done("GET", "/v1/webhook-deliveries", bearer=ours.keys["reader"])["data"] == []


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/hooks",
        "ftp://shop.example/",
        "shop.example",
        "https://",
        "https:///path",
        "https://user@shop.example/",
        "https://user:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://shop .example/",
        "https://shop.example\\@127.0.0.1/",
        "https://localhost/",
        "https://localhost./",
        "https://shop.localhost/",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://0/",
        "https://10.0.0.8/",
        "https://172.16.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest",
        "https://100.64.0.1/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::/",
        "https://mạng.example/",
    ],
)
def test_an_address_we_would_never_send_to_is_refused(url: str) -> None:
    with pytest.raises(WebhookUrlInvalid) as refused:
        check(url, allow_private=False)
    assert refused.value.field == "url"


@pytest.mark.parametrize("url", [URL, "https://8.8.8.8/x", "https://xn--mng-fla.vn/", "https://a.b.c.example:8443/p"])
def test_a_public_address_is_taken(url: str) -> None:
    check(url, allow_private=False)


def test_local_addresses_are_taken_for_development_only() -> None:
    check("http://127.0.0.1:9000/hook", allow_private=True)
    check("http://localhost:9000/hook", allow_private=True)
    with pytest.raises(WebhookUrlInvalid):
        check("ftp://127.0.0.1/", allow_private=True)
