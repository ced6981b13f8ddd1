"""A bank for one test, and what it tells us of. Customers are enrolled once: that takes long over its keys."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from banks.bank import Bank
from banks.pace import pace_of
from banks.registry import load_accounts, open_banks
from banks.simulator.enrolment import Enrolment, enrol
from banks.simulator.personality import personality
from banks.simulator.simulator import Simulator
from banks.transport import Limits, Transport
from local.processes import free_port
from tests.flows.desk import ELSEWHERE, OPENING, PAYEE, PAYEE_NAME, QUICK, Desk, Gateway

Open = Callable[..., AbstractContextManager[Desk]]


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """Opens a bank by its code, with 10,000,000 dong of ours, quick, that announces nothing. An answer is waited for
    `read_s` seconds; `changes` to our line of the file of accounts. An adapter serves all tests that want the same.
    """
    with ExitStack() as stack:

        @cache
        def enrolled(code: str) -> tuple[Path, int]:
            keys, port, kind = tmp_path_factory.mktemp(code), free_port(), personality(code)
            url = f"{'https' if code == 'techcombank' else 'http'}://127.0.0.1:{port}"
            mine = ((f"ba_{code}", kind.profile.account),)
            enrol(keys, kind, Enrolment(base_url=url, accounts=mine, balance=OPENING))
            return keys, port

        @cache
        def ours(code: str, read_s: float, **changes: str) -> tuple[Bank, dict[str, Any]]:
            row = json.loads((enrolled(code)[0] / "accounts.json").read_text())["bank_accounts"][0] | changes
            place = tmp_path_factory.mktemp("ours") / "accounts.json"
            place.write_text(json.dumps({"bank_accounts": [row]}))
            transport = Transport(time.monotonic, limits=Limits(read_s=read_s, pause_s=0.01), pace=pace_of(60_000))
            stack.callback(transport.close)
            clock, token = lambda: datetime.now(UTC), lambda: str(uuid.uuid4())
            (bank,) = open_banks(load_accounts(place), transport, clock, token).values()
            return bank, row

        @contextmanager
        def open_(code: str, read_s: float = 2.0, **changes: str) -> Iterator[Desk]:
            (keys, port), (bank, row) = enrolled(code), ours(code, read_s, **changes)
            with Simulator(keys, code, port=port) as simulator, closing(Desk(bank, simulator, row)) as desk:
                desk.do("/settings", **QUICK)
                for bin_ in (None, ELSEWHERE):
                    desk.do("/accounts", number=PAYEE, name=PAYEE_NAME, bin=bin_)
                yield desk

        yield open_


@pytest.fixture
def gateway(desk: Desk) -> Iterator[Gateway]:
    """A door for the bank's notices, which it sends from now on."""
    with closing(Gateway(desk.bank)) as gateway:
        desk.do("/webhooks", url=gateway.url, mode="send")
        yield gateway
        desk.do("/webhooks", mode="drop")
