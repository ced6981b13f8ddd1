"""Pages visit every row once, and a cursor is taken back only as it was given, for the list it was given for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.stage import Shop, Stage, problem


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


@pytest.fixture(scope="module")
def shop(shared_stage: Stage) -> Shop:
    """A merchant with 45 payment intents."""
    return shop_with_intents(shared_stage)


def shop_with_intents(stage: Stage) -> Shop:
    shop = stage.shop()
    for number in range(45):
        stage.intent(shop, 1_000 + number)
    stage.project()
    return shop


def pages(stage: Stage, shop: Shop, query: str = "") -> list[Any]:
    found: list[Any] = []
    cursor = ""
    while True:
        page = stage.done("GET", f"/v1/payment-intents?{query}{cursor}", bearer=shop.keys["reader"])
        found.append(page)
        if not page["has_more"]:
            assert page["next_cursor"] is None
            return found
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("limit", [1, 7, 45, 46, 100])
def test_every_row_is_on_one_page_newest_first(stage: Stage, shop: Shop, limit: int) -> None:
    found = pages(stage, shop, f"limit={limit}")
    rows = [row for page in found for row in page["data"]]
    assert [row["amount"] for row in rows] == [1_044 - number for number in range(45)]
    assert {len(page["data"]) for page in found[:-1]} <= {limit}


def test_a_page_has_twenty_rows_when_nobody_says_otherwise(stage: Stage, shop: Shop) -> None:
    assert [len(page["data"]) for page in pages(stage, shop)] == [20, 20, 5]


def test_rows_that_come_meanwhile_move_none(stage: Stage) -> None:
    shop = shop_with_intents(stage)
    first = stage.done("GET", "/v1/payment-intents?limit=10", bearer=shop.keys["reader"])
    stage.intent(shop, 9_999)
    stage.project()
    path = f"/v1/payment-intents?limit=10&cursor={first['next_cursor']}"
    second = stage.done("GET", path, bearer=shop.keys["reader"])
    assert [row["amount"] for row in second["data"]] == [1_034 - number for number in range(10)]


def test_a_cursor_that_was_altered_or_moved_is_refused(stage: Stage, shop: Shop) -> None:
    reader = shop.keys["reader"]
    cursor = stage.done("GET", "/v1/payment-intents?limit=1", bearer=reader)["next_cursor"]
    other = stage.shop("Khác").keys["reader"]
    altered = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor))]
    tries = [(reader, f"/v1/payment-intents?cursor={one}") for one in altered]
    tries += [(reader, f"/v1/payment-intents?cursor={one}") for one in (cursor[:-1], cursor + "A", "x", "%3D", "é")]
    tries += [
        (reader, f"/v1/payouts?cursor={cursor}"),
        (reader, f"/v1/payment-intents?status=paid&cursor={cursor}"),
        (other, f"/v1/payment-intents?cursor={cursor}"),
    ]
    for bearer, path in tries:
        assert problem(stage.ask("GET", path, bearer=bearer)) == (400, "invalid-cursor", "cursor"), path


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "limit=", "limit=1&limit=2", "offset=5"])
def test_a_page_of_another_size_is_refused(stage: Stage, shop: Shop, query: str) -> None:
    answer = stage.ask("GET", f"/v1/payment-intents?{query}", bearer=shop.keys["reader"])
    assert problem(answer) == (422, "invalid-field", query.partition("=")[0])
