"""What the control port says that it takes."""

from __future__ import annotations

from typing import Any, get_args

from banks.simulator.acb.settings import AcbSettings
from banks.simulator.faults import FaultName
from banks.simulator.memos import STYLES
from banks.simulator.personality import personality
from tests.banks.simulator.customer import ControlPort


def test_every_form_has_its_path_and_its_schema(control: ControlPort) -> None:
    described = control.get("/forms")
    for form in described["forms"]:
        assert form["title"]
        assert described["$defs"][form["schema"]]["properties"]
        assert control.http.get(form["path"]).status_code == 405


def test_faults_styles_calls_and_settings_are_those_of_this_bank(control: ControlPort) -> None:
    fields: dict[str, Any] = {name: kind["properties"] for name, kind in control.get("/forms")["$defs"].items()}
    assert set(fields["OrderFault"]["fault"]["enum"]) == set(get_args(FaultName))
    assert fields["Payment"]["memo_style"]["anyOf"][0]["enum"] == list(STYLES)
    assert fields["AnswerFault"]["to"]["enum"] == sorted(personality("acb").profile.answers)
    assert set(fields["AcbSettings"]) == set(AcbSettings.__struct_fields__)


def test_each_fault_is_explained(control: ControlPort) -> None:
    said = control.get("/forms")["$defs"]["OrderFault"]["description"]
    assert [name for name in get_args(FaultName) if name not in said] == []
