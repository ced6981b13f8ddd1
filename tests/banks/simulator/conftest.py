"""A bank for one test: fast, with a rich customer account, in this process, over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from tests.banks.simulator.customer import ControlPort, Customer, Json, Mailbox

OPENING = 100_000_000


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An enrolment shared by the tests; nothing writes into it."""
    directory = tmp_path_factory.mktemp("keys")
    accounts = (("ba_acb_main", "12345678"),)
    enrol(directory, personality("acb"), Enrolment(base_url="http://127.0.0.1:1", accounts=accounts, balance=OPENING))
    return directory


@pytest.fixture(scope="session")
def row(keys: Path) -> Json:
    """The customer's side of the enrolment."""
    found: Json = json.loads((keys / "accounts.json").read_text())["bank_accounts"][0]
    return found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    yield box
    box.close()


@pytest.fixture
def bank(keys: Path, mailbox: Mailbox) -> Iterator[Simulator]:
    with Simulator(keys, webhook_url=mailbox.url) as running:
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
