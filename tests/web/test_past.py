"""The past over HTTP: what was known and in effect at any time, told again word for word; nobody else's, ever."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.stage import OPERATOR_KEYS, Shop, Stage, notice, problem, said

AUDITOR = OPERATOR_KEYS["auditor"]


@pytest.fixture
def shop(stage: Stage) -> Shop:
    """A merchant that was paid 1,500,000, settled, and has asked for two payouts, of which one was approved."""
    shop = stage.shop()
    stage.funds(shop)
    first = stage.payout(shop)["id"]
    stage.payout(shop, 100_000)
    stage.done("POST", f"/v1/payouts/{first}/approve", bearer=shop.keys["approver"])
    stage.project()
    return shop


def positions(stage: Stage, name: str) -> list[int]:
    """Where events of a stored name stand in the log."""
    return [envelope.position for envelope in stage.services.ledger.follow() if envelope.name == name]


def listed(stage: Stage, shop: Shop, path: str) -> list[Any]:
    found: list[Any] = stage.done("GET", path, bearer=shop.keys["reader"])["data"]
    return found


def test_balances_are_told_as_they_were_known(stage: Stage, shop: Shop) -> None:
    first, second = positions(stage, "account.hold_placed")
    held = []
    for at in (first - 1, first, second):
        rows = {row["account"]: row for row in listed(stage, shop, f"/v1/balances?known_at={at}")}
        held.append(rows[f"merchant:{shop.id}:available"]["held"])
    assert held == [0, 203_300, 306_600]
    now = listed(stage, shop, "/v1/balances")
    assert listed(stage, shop, f"/v1/balances?known_at={stage.services.ledger.head()}") == now
    assert listed(stage, shop, "/v1/balances?known_at=0") == []


def test_an_operator_sees_the_balances_of_all_accounts_as_they_were(stage: Stage, shop: Shop) -> None:
    head = stage.services.ledger.head()
    now = stage.done("GET", "/v1/balances", bearer=AUDITOR)["data"]
    assert stage.done("GET", f"/v1/balances?known_at={head}", bearer=AUDITOR)["data"] == now
    path, seen = f"/v1/balances?known_at={head}&limit=2&prefix=merchant:", []
    page = stage.done("GET", path, bearer=AUDITOR)
    while page["has_more"]:
        seen += page["data"]
        page = stage.done("GET", f"{path}&cursor={page['next_cursor']}", bearer=AUDITOR)
    assert seen + page["data"] == [row for row in now if row["account"].startswith("merchant:")]


def test_the_trial_balance_is_even_at_any_time(stage: Stage, shop: Shop) -> None:
    head = stage.services.ledger.head()
    now = stage.done("GET", "/v1/trial-balance", bearer=AUDITOR)
    assert stage.done("GET", f"/v1/trial-balance?known_at={head}", bearer=AUDITOR) == now
    posted = positions(stage, "journal_entry.posted")[0]
    before = stage.done("GET", f"/v1/trial-balance?known_at={posted}", bearer=AUDITOR)
    assert before["position"] == posted
    assert [row["debit"] for row in before["totals"]] == [row["credit"] for row in before["totals"]] == [1_500_000]
    long_ago = stage.done("GET", "/v1/trial-balance?effective_at=2026-11-22", bearer=AUDITOR)
    assert (long_ago["rows"], long_ago["totals"]) == ([], [])


def test_a_payout_has_the_status_and_the_timeline_of_then(stage: Stage, shop: Shop) -> None:
    payout, other = sorted(listed(stage, shop, "/v1/payouts"), key=lambda row: str(row["created_at"]))
    requested = positions(stage, "payout.requested")
    assert (payout["status"], other["status"]) == ("approved", "requested")
    for at, status in ((requested[0], "requested"), (stage.services.ledger.head(), "approved")):
        then = stage.done("GET", f"/v1/payouts/{payout['id']}?known_at={at}", bearer=shop.keys["reader"])
        assert then["status"] == status
        names = [one["name"] for one in then["timeline"]]
        assert names == ["payout.requested", "payout.approved"][: 1 + (status == "approved")]
    early = f"known_at={requested[1]}"
    assert [row["id"] for row in listed(stage, shop, f"/v1/payouts?{early}")] == [other["id"], payout["id"]]
    assert listed(stage, shop, f"/v1/payouts?{early}&status=approved") == []
    assert problem(
        stage.ask("GET", f"/v1/payouts/{other['id']}?known_at={requested[0]}", bearer=shop.keys["reader"])
    ) == (404, "payout-not-found", None)


def test_a_payment_and_its_line_are_told_as_they_were(stage: Stage, shop: Shop) -> None:
    (intent,) = listed(stage, shop, "/v1/payment-intents")
    (paid,) = positions(stage, "payment_intent.paid")
    (matched,) = positions(stage, "statement_line.matched")
    path = f"/v1/payment-intents/{intent['id']}"
    before, after = (stage.done("GET", f"{path}?known_at={at}", bearer=AUDITOR) for at in (paid - 1, paid))
    assert [(then["status"], then["received"]) for then in (before, after)] == [("awaiting", 0), ("paid", 1_500_000)]
    assert listed(stage, shop, f"/v1/payment-intents?known_at={paid - 1}") == [before]
    assert listed(stage, shop, f"/v1/statement-lines?known_at={matched - 1}") == []
    assert listed(stage, shop, f"/v1/statement-lines?known_at={matched}") == listed(stage, shop, "/v1/statement-lines")
    (unowned,) = stage.done("GET", f"/v1/statement-lines?known_at={matched - 1}", bearer=AUDITOR)["data"]
    assert unowned["owner_id"] is None


def test_what_took_effect_later_does_not_count(stage: Stage) -> None:
    shop = stage.shop()
    late = notice(memo=stage.intent(shop)["code"], amount=1_500_000, trace="late").replace(
        b'"effectiveDate": "2026-11-23"', b'"effectiveDate": "2026-11-25"'
    )
    stage.bank_says(late)
    stage.project()

    def pending(day: str) -> list[int]:
        rows = listed(stage, shop, f"/v1/balances?effective_at={day}")
        return [row["posted"] for row in rows if row["account"].endswith("pending")]

    assert [pending(day) for day in ("2026-11-24", "2026-11-25")] == [[], [1_485_000]]
    assert listed(stage, shop, "/v1/statement-lines?effective_at=2026-11-24") == []
    assert [row["status"] for row in listed(stage, shop, "/v1/payment-intents?effective_at=2026-11-24")] == ["awaiting"]
    assert [row["status"] for row in listed(stage, shop, "/v1/payment-intents?effective_at=2026-11-25")] == ["paid"]


def test_an_answer_says_as_of_what_it_is_true_and_never_changes(stage: Stage, shop: Shop) -> None:
    answer = stage.ask("GET", "/v1/payouts?known_at=2026-11-23T23:00:00%2B07:00", bearer=shop.keys["reader"])
    position = answer.headers["Socai-Known-At"]
    assert position == str(stage.services.ledger.head())
    assert "Socai-Effective-At" not in answer.headers
    stage.payout(shop, 50_000)
    stage.project()
    again = stage.ask("GET", f"/v1/payouts?known_at={position}&effective_at=2026-11-23", bearer=shop.keys["reader"])
    assert again.data == answer.data
    assert again.headers["Socai-Effective-At"] == "2026-11-23"
    now = stage.ask("GET", "/v1/payouts", bearer=shop.keys["reader"])
    assert "Socai-Known-At" not in now.headers
    assert len(said(now)["data"]) == len(said(again)["data"]) + 1


def test_an_instant_is_answered_as_of_the_last_position_recorded_by_then(stage: Stage, shop: Shop) -> None:
    for envelope in stage.services.ledger.follow():
        at = envelope.at.isoformat().replace("+00:00", "Z")
        answer = stage.ask("GET", f"/v1/balances?known_at={at}", bearer=shop.keys["reader"])
        last = max(one.position for one in stage.services.ledger.follow() if one.at <= envelope.at)
        assert answer.headers["Socai-Known-At"] == str(last)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("known_at=yesterday", "known_at"),
        ("known_at=-1", "known_at"),
        ("known_at=1.0", "known_at"),
        ("known_at=2026-11-23T10:00:00", "known_at"),
        ("known_at=2026-11-23", "known_at"),
        ("known_at=", "known_at"),
        ("known_at=999999999", "known_at"),
        ("known_at=1&known_at=2", "known_at"),
        ("effective_at=23.11.2026", "effective_at"),
        ("effective_at=2026-02-30", "effective_at"),
        ("effective_at=2026-11-23T10:00:00Z", "effective_at"),
        ("effective_at=", "effective_at"),
    ],
)
def test_a_time_that_is_none_is_refused(shared_stage: Stage, shared_shop: Shop, query: str, parameter: str) -> None:
    answer = shared_stage.ask("GET", f"/v1/payouts?{query}", bearer=shared_shop.keys["reader"])
    assert problem(answer) == (422, "invalid-field", parameter)


def test_a_position_that_the_tables_do_not_show_yet_is_waited_for(stage: Stage, shop: Shop) -> None:
    stage.payout(shop, 50_000)
    head = stage.services.ledger.head()
    for path in ("balances", "payouts"):
        answer = stage.ask("GET", f"/v1/{path}?known_at={head}", bearer=shop.keys["reader"])
        assert problem(answer) == (503, "read-tables-behind", None)


def test_pages_of_the_past_show_everything_once(stage: Stage, shop: Shop) -> None:
    for _ in range(5):
        stage.intent(shop)
    stage.project()
    path, seen = f"/v1/payment-intents?known_at={stage.services.ledger.head()}&limit=2", []
    page = stage.done("GET", path, bearer=shop.keys["reader"])
    stage.intent(shop)
    stage.project()
    while page["has_more"]:
        seen += page["data"]
        page = stage.done("GET", f"{path}&cursor={page['next_cursor']}", bearer=shop.keys["reader"])
    assert seen + page["data"] == listed(stage, shop, "/v1/payment-intents")[1:]
    other = f"/v1/payment-intents?known_at=1&limit=2&cursor={page['next_cursor'] or 'x'}"
    assert problem(stage.ask("GET", other, bearer=shop.keys["reader"]))[1] == "invalid-cursor"


@pytest.mark.parametrize("when", ["known_at={head}", "effective_at=2026-12-31", "known_at=2026-11-23T23:00:00Z"])
def test_the_past_of_another_merchant_is_not_found(stage: Stage, shop: Shop, when: str) -> None:
    when = when.format(head=stage.services.ledger.head())
    ours = stage.shop("Khác")
    stage.project()
    for kind in ("payment-intents", "payouts"):
        for row in listed(stage, shop, f"/v1/{kind}"):
            path = f"/v1/{kind}/{row['id']}?{when}"
            assert stage.ask("GET", path, bearer=shop.keys["reader"]).status_code == 200
            assert stage.ask("GET", path, bearer=ours.keys["owner"]).status_code == 404
    for kind in ("payment-intents", "payouts", "statement-lines"):
        assert listed(stage, ours, f"/v1/{kind}?{when}") == []
        refused = stage.ask("GET", f"/v1/{kind}?merchant_id={shop.id}&{when}", bearer=ours.keys["owner"])
        assert problem(refused)[1] == "merchant-not-found"
    for prefix in ("", f"&prefix=merchant:{shop.id}"):
        accounts = [row["account"] for row in listed(stage, ours, f"/v1/balances?{when}{prefix}")]
        assert not [account for account in accounts if shop.id in account]
    trial = stage.ask("GET", f"/v1/trial-balance?{when}", bearer=ours.keys["owner"])
    assert problem(trial)[1] == "role-missing"
