"""Several banks behind one control port, and the page for them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from banks.simulator.enrolment import Enrolment, customer_rows
from banks.simulator.lab import Lab, enrol_all
from banks.simulator.personality import personalities
from banks.simulator.refusals import Unusable
from banks.simulator.simulator import free_port

PLACE = re.compile(r'"(/[^"]*)"|`(/[^`]*)`')
"""A path in the page's script: words in quotes, or a template with parts to fill in."""
PART = re.compile(r"\$\{[^}]*\}")


def wanted() -> dict[str, Enrolment]:
    return {
        code: Enrolment(base_url=f"http://127.0.0.1:{free_port()}", accounts=((f"ba_{code}", kind.profile.account),))
        for code, kind in personalities().items()
    }


@pytest.fixture
def page(tmp_path: Path) -> Iterator[httpx.Client]:
    """A browser's way to a lab with the first of the banks."""
    code, mine = next(iter(wanted().items()))
    enrol_all(tmp_path, {code: mine})
    with Lab(tmp_path) as lab, httpx.Client(base_url=lab.control_url, trust_env=False) as http:
        yield http


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
            described = http.get(f"{row['control']}/forms").json()
            assert "/settings" in [form["path"] for form in described["forms"]]
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == sorted(mine)


def test_a_lab_without_an_enrolment_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="enrol"):
        Lab(tmp_path)


def unanswered(http: httpx.Client, html: str) -> list[str]:
    """Paths of the page that neither the lab nor its first bank answers in JSON."""
    control = http.get("/banks").json()[0]["control"]
    paths = {PART.sub("x", quoted or template) for quoted, template in PLACE.findall(html)}
    found = []
    for path in sorted(paths):
        answers = [ask(place) for place in (path, control + path) for ask in (http.get, http.post)]
        if not any(answer.headers["Content-Type"] == "application/json" for answer in answers):
            found.append(path)
    assert len(paths) > 10
    return found


def test_every_path_the_page_uses_exists(page: httpx.Client) -> None:
    html = page.get("/").text
    assert unanswered(page, html) == []
    assert unanswered(page, html.replace('"/refusals"', '"/refused"')) == ["/refused"]


def test_the_page_may_run_its_own_script_only_and_load_nothing(page: httpx.Client) -> None:
    answer = page.get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert answer.headers["Content-Type"].startswith("text/html")
    assert (policy["default-src"], policy["connect-src"]) == ("'none'", "'self'")
    for name in ("base-uri", "form-action", "frame-ancestors"):
        assert policy[name] == "'none'"
    for tag in ("script", "style"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert re.findall(r"""\b(?:src|href|on\w+|style)=["']""", answer.text) == []
    assert "http" not in re.sub(r"HTTP", "", answer.text).replace("row.http", "")


def test_the_page_puts_in_what_strangers_wrote_as_text_only(page: httpx.Client) -> None:
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page.get("/").text) == []


def test_another_sites_page_cannot_use_the_lab(page: httpx.Client) -> None:
    control = page.get("/banks").json()[0]["control"]
    for path in ("/banks", f"{control}/tokens/expire"):
        answer = page.post(path, headers={"Origin": "https://shop.example"})
        assert answer.status_code == 403, path
    assert page.get("/", headers={"Host": "evil.example"}).status_code == 403
