"""A Techcombank for one test: fast, in this process, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort, Json, Mailbox
from tests.banks.simulator.techcombank.customer import Customer, acknowledgement

OPENING = 100_000_000
OWN = "19012345678901"


@pytest.fixture(scope="session")
def tcb_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("techcombank")
    mine = Enrolment(base_url="http://127.0.0.1:1", accounts=(("ba_tcb", OWN),), balance=OPENING)
    enrol(directory, personality("techcombank"), mine)
    return directory


@pytest.fixture(scope="session")
def row(tcb_keys: Path) -> Json:
    found: Json = json.loads((tcb_keys / "accounts.json").read_text())["bank_accounts"][0]
    return found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box.answer_text = acknowledgement
    yield box
    box.close()


@pytest.fixture
def bank(tcb_keys: Path, mailbox: Mailbox) -> Iterator[Simulator]:
    with Simulator(tcb_keys, "techcombank", webhook_url=mailbox.url) as running:
        yield running


@pytest.fixture
def control(bank: Simulator) -> Iterator[ControlPort]:
    port = ControlPort(bank.control_url)
    port.post("/settings", answer_s=0, validate_s=0, transfer_s=0, webhook_s=0)
    yield port
    port.http.close()


@pytest.fixture
def customer(bank: Simulator, control: ControlPort, row: Json) -> Iterator[Customer]:
    one = Customer(row, bank.url)
    yield one
    one.http.close()
