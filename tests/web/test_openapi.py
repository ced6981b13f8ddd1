"""The document is valid OpenAPI 3.1 and says everything: every route, every status, every event."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from ledger.aggregate import EVENTS
from tests.web.stage import Stage
from web.routes import ROUTES


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


def test_the_document_is_valid(stage: Stage) -> None:
    assert stage.document["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(stage.document).validate()


def test_every_rule_of_the_application_is_in_the_document(stage: Stage) -> None:
    rules = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in stage.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(method.upper(), path) for path, methods in stage.document["paths"].items() for method in methods}
    assert described == rules


def test_every_operation_says_who_may_and_how_it_refuses(stage: Stage) -> None:
    for route in ROUTES:
        path = re.sub(r"<(\w+)>", r"{\1}", route.path)
        operation = stage.document["paths"][path][route.method.lower()]
        assert operation["summary"].endswith(".")
        assert ("security" in operation) == bool(route.roles)
        if route.roles:
            assert {"401", "403", "503"} <= set(operation["responses"])
        if route.keyed:
            names = {parameter.get("name") for parameter in operation["parameters"]}
            assert "Idempotency-Key" in names
            assert {"400", "413", "415", "422"} <= set(operation["responses"])


def test_refusals_are_described_as_problem_json(stage: Stage) -> None:
    operation = stage.document["paths"]["/v1/payouts"]["post"]
    assert set(operation["responses"]["409"]["content"]) == {"application/problem+json"}
    assert "insufficient-funds" in operation["responses"]["409"]["description"]


def test_every_public_event_is_described_as_a_webhook(stage: Stage) -> None:
    public = {name for name, kind in EVENTS.items() if kind.public}
    assert set(stage.document["webhooks"]) == public
    assert "payment_intent.paid" in public


def test_schemas_of_two_files_do_not_meet_under_one_name(stage: Stage) -> None:
    names: dict[str, type] = {}
    for route in ROUTES:
        for kind in (route.body, route.answer):
            if kind is not None:
                assert names.setdefault(kind.__name__, kind) is kind
    assert names
