"""An MB for one test: fast, in this process, over real HTTP, and an address of ours that gives tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.mb.customer import Customer, Door, Json

OPENING = 100_000_000
ACCOUNT = "0009990001234"


@pytest.fixture(scope="session")
def mb_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("mb")
    mine = Enrolment(
        base_url="http://127.0.0.1:1", accounts=(("ba_mb", ACCOUNT),), holder="Cty TNHH Sócai", balance=OPENING
    )
    enrol(directory, personality("mb"), mine)
    return directory


@pytest.fixture(scope="session")
def row(mb_keys: Path) -> Json:
    found: Json = json.loads((mb_keys / "accounts.json").read_text())["bank_accounts"][0]
    return found


@pytest.fixture
def door(row: Json) -> Iterator[Door]:
    one = Door(row)
    yield one
    one.close()


@pytest.fixture
def bank(mb_keys: Path, door: Door) -> Iterator[Simulator]:
    with Simulator(mb_keys, "mb", webhook_url=door.url) as running:
        yield running


@pytest.fixture
def customer(bank: Simulator, control: ControlPort, row: Json) -> Iterator[Customer]:
    one = Customer(row, bank.url)
    yield one
    one.http.close()
