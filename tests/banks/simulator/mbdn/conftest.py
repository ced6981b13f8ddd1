"""An MBDN for one test: fast, in this process, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.mb.customer import Door, Json
from tests.banks.simulator.mbdn.customer import ACCOUNT, Customer

OPENING = 100_000_000


@pytest.fixture(scope="session")
def mbdn_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("mbdn")
    mine = Enrolment(base_url="http://127.0.0.1:1", accounts=(("ba_mbdn", ACCOUNT),), balance=OPENING)
    enrol(directory, personality("mbdn"), mine)
    return directory


@pytest.fixture(scope="session")
def row(mbdn_keys: Path) -> Json:
    found: Json = json.loads((mbdn_keys / "accounts.json").read_text())["bank_accounts"][0]
    return found


@pytest.fixture
def door(row: Json) -> Iterator[Door]:
    one = Door(row)
    yield one
    one.close()


@pytest.fixture
def bank(mbdn_keys: Path, door: Door) -> Iterator[Simulator]:
    with Simulator(mbdn_keys, "mbdn", webhook_url=door.url) as running:
        yield running


@pytest.fixture
def customer(bank: Simulator, control: ControlPort, row: Json) -> Iterator[Customer]:
    one = Customer(row, bank.url)
    yield one
    one.http.close()
