"""Several banks behind one control port."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from banks.simulator.enrolment import Enrolment, customer_rows
from banks.simulator.lab import Lab, enrol_all
from banks.simulator.personality import personalities
from banks.simulator.refusals import Unusable
from banks.simulator.simulator import free_port


def wanted() -> dict[str, Enrolment]:
    return {
        code: Enrolment(base_url=f"http://127.0.0.1:{free_port()}", accounts=((f"ba_{code}", kind.profile.account),))
        for code, kind in personalities().items()
    }


def test_every_bank_has_its_port_and_its_place_below_the_control_port(tmp_path: Path) -> None:
    mine = wanted()
    assert enrol_all(tmp_path, mine)
    assert not enrol_all(tmp_path, mine)
    assert [row["bank"] for row in customer_rows(tmp_path)] == sorted(mine)
    with (
        Lab(tmp_path, state=tmp_path / "state") as lab,
        httpx.Client(base_url=lab.control_url, trust_env=False) as http,
    ):
        listed = http.get("/banks").json()
        assert [row["code"] for row in listed] == sorted(mine)
        for row in listed:
            assert row["url"] == mine[row["code"]].base_url
            assert http.get(f"{row['control']}/state").json()["bank"]["code"] == row["code"]
        assert http.get("/").headers["Content-Type"].startswith("text/html")
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == sorted(mine)


def test_a_lab_without_an_enrolment_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="enrol"):
        Lab(tmp_path)
