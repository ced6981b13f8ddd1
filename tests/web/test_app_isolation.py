"""No byte of one merchant is ever in an answer to another."""

from __future__ import annotations

from tests.web.stage import Shop, Stage, payout, said
from web.routes import ROUTES

CANARY = "CANARYB"
PAST = "?known_at=2026-12-31T00:00:00Z&effective_at=2026-12-31"


def planted(stage: Stage) -> tuple[Shop, list[str]]:
    """A merchant with its name in everything it can say, with money that came and went; and its ids."""
    shop = stage.shop(f"{CANARY} shop")
    intent = stage.intent(shop, description=f"{CANARY} goods", merchant_reference=f"{CANARY}-ref")
    stage.pays(f"{intent['code']} {CANARY} memo")
    stage.project()
    settlement = stage.admin("POST", "/v1/settlements", {"merchant_id": shop.id})
    stage.admin("POST", f"/v1/settlements/{settlement['id']}/release")
    body = payout(memo=f"{CANARY} memo")
    body["beneficiary"]["name"] = f"{CANARY} person"
    body["beneficiary"]["account_number"] = f"{CANARY}77"
    out = stage.done("POST", "/v1/payouts", body, bearer=shop.keys["requester"])
    url = f"https://{CANARY.lower()}.example/hooks"
    endpoint = stage.done("POST", "/v1/webhook-endpoints", {"url": url}, bearer=shop.keys["owner"])
    stage.done("POST", "/v1/api-keys", {"label": f"{CANARY} key", "role": "reader"}, bearer=shop.keys["owner"])
    stage.intent(shop, description=f"{CANARY} more")
    stage.project()
    return shop, [shop.id, intent["id"], intent["code"], settlement["id"], out["id"], endpoint["id"]]


def test_nothing_of_another_merchant_is_in_any_answer(stage: Stage) -> None:
    theirs, ids = planted(stage)
    ours = stage.shop("A")
    stage.funds(ours)
    stage.payout(ours)
    stage.project()
    asked = 0
    for route in ROUTES:
        for id_ in [*ids, "none"]:
            path = "/".join(id_ if part.startswith("<") else part for part in route.path.split("/"))
            for query in (
                "",
                PAST,
                f"?merchant_id={theirs.id}",
                f"?account=merchant:{theirs.id}:pending",
                f"?subject={id_}",
            ):
                one_thing = "<" in route.path and query != PAST
                if query and (one_thing or not route.reads or route.method != "GET"):
                    continue
                answer = stage.ask(route.method, path + query, bearer=ours.keys["owner"])
                echoed = answer.text.replace(id_, "") if answer.status_code >= 400 else answer.text
                told = echoed.replace(theirs.id, "") if f"={theirs.id}" in query or "account" in query else echoed
                asked += 1
                assert CANARY.lower() not in told.lower(), (route.name, path + query)
                assert not [one for one in ids if one in told], (route.name, path + query)
    assert asked > 200


def test_the_merchant_itself_sees_its_own(stage: Stage) -> None:
    """The control: the canaries are there to be found."""
    theirs, _ = planted(stage)
    for path in ("payment-intents", "payouts", "statement-lines", "webhook-endpoints", "api-keys"):
        answer = stage.ask("GET", f"/v1/{path}", bearer=theirs.keys["owner"])
        assert CANARY.lower() in answer.text.lower(), path
    journal = said(stage.ask("GET", "/v1/journal", bearer=theirs.keys["reader"]))
    assert {posting["account"].split(":")[1] for entry in journal["data"] for posting in entry["postings"]} == {
        theirs.id
    }
