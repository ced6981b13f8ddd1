"""The bank as a whole: independent of us, always balanced, and with a memory."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import httpx
import pytest

import banks.simulator
from banks.simulator.refusals import Unusable
from banks.simulator.simulator import Simulator, free_port
from tests.banks.simulator.customer import (
    NEVER_STORED,
    ControlPort,
    Customer,
    Json,
    Mailbox,
    inside,
    transaction,
    until,
)

OURS = ("ledger", "commands", "projections", "banks", "web", "workers", "local")


def test_the_simulator_imports_nothing_else_of_ours() -> None:
    files = sorted(Path(banks.simulator.__path__[0]).rglob("*.py"))
    assert len(files) > 20
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                own = name.startswith("banks.simulator")
                assert own or name.partition(".")[0] not in OURS, f"{file.name} imports {name}"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_any_sequence_of_events_the_books_sum_to_zero(
    customer: Customer, control: ControlPort, seed: int
) -> None:
    chance = random.Random(seed)
    control.post("/accounts", number="87654321", name="TRAN THI BINH", balance=1_000_000)
    control.post("/settings", service_charge=1_100)
    control.post("/webhooks", mode="drop")
    for step in range(40):
        _one_step(customer, control, chance, step)
    until(lambda: all(order["status"] in ("executed", "refused") for order in control.get("/orders")))
    state = control.get("/state")
    assert state["trial_balance_sum"] == 0
    for account in state["accounts"]:
        rows = control.get(f"/movements?account={account['number']}")
        signed = sum(row["amount"] if row["direction"] == "credit" else -row["amount"] for row in rows)
        opening = {"12345678": 100_000_000, "87654321": 1_000_000}[account["number"]]
        assert opening + signed == account["balance"]
        assert rows == [] or rows[-1]["balance_after"] == account["balance"]
    booked = [row["order"] for row in control.get("/movements") if row["order"]]
    executed = [order["trace"] for order in control.get("/orders") if order["status"] == "executed"]
    assert sorted(booked) == sorted(executed)


def _one_step(customer: Customer, control: ControlPort, chance: random.Random, step: int) -> None:
    amount = chance.randint(1, 9_000_000)
    match chance.randrange(6):
        case 0:
            control.post("/pay", account="12345678", amount=amount, memo="x")
        case 1:
            customer.pay(f"T{step}", amount)
        case 2:
            to = inside("87654321", chance.choice(["TRAN THI BINH", "SOMEBODY ELSE"]))
            customer.pay(f"T{step}", amount, "INSIDEBANK", to)
        case 3:
            control.post("/charge", account="12345678", amount=amount % 10_000 + 1)
        case 4:
            movements = control.get("/movements?account=12345678")
            if movements:
                reference = chance.choice(movements)["reference"]
                assert control.http.post(f"/movements/{reference}/reverse").status_code in (200, 409)
        case _:
            trace = f"T{chance.randrange(step + 1)}"
            assert control.http.post(f"/orders/{trace}/return").status_code in (200, 404, 409)


def known(control: ControlPort) -> dict[str, object]:
    """All the bank remembers, without the running clock and this run's settings."""
    state = control.get("/state")
    paths = ("/orders", "/movements", "/deliveries", "/notices")
    kept = {name: state[name] for name in ("accounts", "trial_balance", "entries", "clock_offset_s")}
    return kept | {path: control.get(path) for path in paths}


def test_a_restarted_bank_remembers_everything(keys: Path, row: Json, mailbox: Mailbox, tmp_path: Path) -> None:
    with Simulator(keys, webhook_url=mailbox.url, state=tmp_path) as bank:
        control, customer = ControlPort(bank.control_url), Customer(row, bank.url)
        control.post("/settings", validate_s=0, transfer_s=0, webhook_s=0)
        control.post("/pay", account="12345678", amount=150_000, memo="SOCAI7K3M9Q2X")
        customer.pay("T1")
        customer.ended("T1")
        control.post("/next-order", fault="lose_order")
        control.post("/next-order", fault="stuck")
        with pytest.raises(httpx.RemoteProtocolError):
            customer.pay("T2")
        customer.pay_bulk("BULK1", [transaction("B1")])
        control.post("/clock", advance_s=100)
        until(lambda: all(one["status"] == "acknowledged" for one in control.get("/notices")))
        before = known(control)
        _close(control, customer)
    with Simulator(keys, webhook_url=mailbox.url, state=tmp_path) as bank:
        control, customer = ControlPort(bank.control_url), Customer(row, bank.url)
        assert known(control) == before
        assert control.get("/orders/T2") == NEVER_STORED | {"trace": "T2"}
        assert customer.line("T1")["status"] == "TRAN"
        assert customer.bulk_status("BULK1").json()["responseData"]["bulkStatus"] == "ORIG"
        assert customer.pay("T1").json()["responseStatus"]["responseCode"] == "30010002"
        _close(control, customer)


def _close(control: ControlPort, customer: Customer) -> None:
    control.http.close()
    customer.http.close()


def test_a_restarted_bank_carries_on_with_orders_and_webhooks(
    keys: Path, row: Json, mailbox: Mailbox, tmp_path: Path
) -> None:
    with Simulator(keys, webhook_url=mailbox.url, state=tmp_path) as bank:
        control, customer = ControlPort(bank.control_url), Customer(row, bank.url)
        control.post("/settings", validate_s=50, transfer_s=50, webhook_s=50)
        control.post("/pay", account="12345678", amount=150_000, memo="SOCAI7K3M9Q2X")
        customer.pay("T1")
        _close(control, customer)
    assert mailbox.taken == []
    with Simulator(keys, webhook_url=mailbox.url, state=tmp_path) as bank:
        control, customer = ControlPort(bank.control_url), Customer(row, bank.url)
        control.post("/settings", webhook_s=0)
        control.post("/clock", advance_s=51)
        assert mailbox.rows(1)[0]["amount"] == 150_000
        until(lambda: customer.line("T1")["status"] == "VALD")
        control.post("/clock", advance_s=51)
        assert customer.ended("T1")["status"] == "TRAN"
        assert [pushed["amount"] for pushed in mailbox.rows(2)] == [150_000, 200_000]
        assert control.get("/state")["trial_balance_sum"] == 0
        _close(control, customer)


def test_a_taken_port_is_said_so(keys: Path, bank: Simulator) -> None:
    port = int(bank.url.rpartition(":")[2])
    with pytest.raises(Unusable, match=f"port {port}"):
        Simulator(keys, port=port)
    with pytest.raises(Unusable, match=f"port {port}"):
        Simulator(keys, control_port=port)


def test_a_free_port_can_be_listened_on(keys: Path) -> None:
    port = free_port()
    with Simulator(keys, port=port) as bank:
        assert bank.url == f"http://127.0.0.1:{port}"
