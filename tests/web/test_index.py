"""From the first page everything is found, and the address in a problem's `type` leads to what it means."""

from __future__ import annotations

import pytest

from tests.web.stage import Stage, problem, said
from web.problems import kinds


@pytest.fixture
def stage(shared_stage: Stage) -> Stage:
    """Merchants of one's own are enough here, so one stage serves all."""
    return shared_stage


def test_the_first_page_leads_everywhere(stage: Stage) -> None:
    found = stage.done("GET", "/")
    for name in ("openapi", "problems"):
        assert stage.ask("GET", found[name].removeprefix("http://pay.test")).status_code == 200


def test_the_type_of_a_problem_leads_to_its_meaning(stage: Stage) -> None:
    refused = said(stage.ask("GET", "/v1/payouts"))
    meaning = stage.done("GET", refused["type"].removeprefix("http://pay.test"))
    assert {name: meaning[name] for name in ("type", "code", "title", "status")} == {
        name: refused[name] for name in ("type", "code", "title", "status")
    }


def test_every_kind_of_problem_is_listed(stage: Stage) -> None:
    listed = stage.done("GET", "/problems")["data"]
    assert [kind["code"] for kind in listed] == list(kinds())


def test_an_unknown_kind_is_not_found(stage: Stage) -> None:
    assert problem(stage.ask("GET", "/problems/nothing"))[:2] == (404, "no-such-address")
