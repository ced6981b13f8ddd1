"""A VietinBank for one test: fast, in this process, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort, Mailbox
from tests.banks.simulator.vietinbank.customer import Customer, Json

OPENING = 100_000_000


@pytest.fixture(scope="session")
def vietin_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vietin")
    mine = Enrolment(base_url="http://127.0.0.1:1", accounts=(("ba_vtb", "110000000001"),), balance=OPENING)
    enrol(directory, personality("vietinbank"), mine)
    return directory


@pytest.fixture(scope="session")
def row(vietin_keys: Path) -> Json:
    found: Json = json.loads((vietin_keys / "accounts.json").read_text())["bank_accounts"][0]
    return found


@pytest.fixture
def bank(vietin_keys: Path, mailbox: Mailbox) -> Iterator[Simulator]:
    with Simulator(vietin_keys, "vietinbank", webhook_url=mailbox.url) as running:
        yield running


@pytest.fixture
def customer(bank: Simulator, control: ControlPort, row: Json) -> Iterator[Customer]:
    one = Customer(row, bank.url)
    yield one
    one.http.close()
