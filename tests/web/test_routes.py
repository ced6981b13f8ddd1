"""A route is declared once, and its declaration is whole."""

from __future__ import annotations

import pytest
from marshmallow import RAISE

from ledger.errors import InvalidField, MerchantNotFound
from projections import PROJECTIONS
from tests.web.stage import OPERATOR_KEYS, Stage, problem
from web.auth import MERCHANTS, OPERATORS, admit
from web.routes import ROUTES, Call


def call(stage: Stage, bearer: str, **query: str) -> Call:
    operators = stage.services.settings.operator_keys
    caller = admit(stage.services.ledger, operators, f"Bearer {bearer}", MERCHANTS | OPERATORS)
    route = next(one for one in ROUTES if one.name == "list_payouts")
    return Call(services=stage.services, route=route, request_id="r", path={}, caller=caller, query=query)


def test_names_and_addresses_are_unique(stage: Stage) -> None:
    assert stage.document
    assert len({route.name for route in ROUTES}) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_every_route_refuses_fields_it_does_not_know(stage: Stage) -> None:
    assert stage.document
    for route in ROUTES:
        assert route.body().unknown == route.query().unknown == RAISE, route.name


def test_what_a_route_reads_is_a_projection(stage: Stage) -> None:
    assert stage.document
    assert {name for route in ROUTES for name in route.reads} <= set(PROJECTIONS)


def test_every_command_of_a_known_caller_needs_a_key(stage: Stage) -> None:
    assert stage.document
    unkeyed = {route.name for route in ROUTES if route.method == "POST" and not route.keyed}
    assert unkeyed == {"take_bank_webhook", "grant_bank_token", "take_bank_feed"}


def test_nothing_but_reading_is_done_by_get(stage: Stage) -> None:
    assert stage.document
    assert {route.method for route in ROUTES} == {"GET", "POST", "DELETE"}
    shop = stage.shop()
    head = stage.services.ledger.head()
    for route in ROUTES:
        if route.method == "GET" and "<" not in route.path:
            stage.ask("GET", f"{route.path}", bearer=shop.keys["owner"])
    assert stage.services.ledger.head() == head


def test_a_merchant_means_itself(stage: Stage) -> None:
    shop = stage.shop()
    assert call(stage, shop.keys["reader"]).merchant_id() == shop.id
    assert call(stage, shop.keys["reader"], merchant_id=shop.id).merchant_id() == shop.id


def test_a_merchant_cannot_name_another_and_cannot_tell_whether_there_is_one(stage: Stage) -> None:
    ours, theirs = stage.shop(), stage.shop("Khác")
    for named in (theirs.id, "mer_none"):
        with pytest.raises(MerchantNotFound) as refused:
            call(stage, ours.keys["reader"], merchant_id=named).merchant_id()
        assert refused.value.detail == f"There is no merchant {named!r}."


def test_an_operator_names_a_merchant_that_exists(stage: Stage) -> None:
    auditor = OPERATOR_KEYS["auditor"]
    assert call(stage, auditor).merchant_id_or_all() is None
    with pytest.raises(InvalidField):
        call(stage, auditor).merchant_id()
    with pytest.raises(MerchantNotFound):
        call(stage, auditor, merchant_id="mer_none").merchant_id()
    shop = stage.shop()
    assert call(stage, auditor, merchant_id=shop.id).merchant_id() == shop.id


def test_an_operator_who_names_nobody_is_told_to(stage: Stage) -> None:
    answer = stage.ask("GET", "/v1/payouts", bearer=OPERATOR_KEYS["auditor"])
    assert problem(answer) == (422, "invalid-field", "merchant_id")
