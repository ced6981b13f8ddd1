"""The rows of a file, looked at."""

from __future__ import annotations

from tests.banks.simulator.customer import ControlPort
from tests.banks.simulator.mbdn.customer import ACCOUNT, LINE, Customer, Line, line

CASES: list[tuple[Line, str]] = [
    (LINE, ""),
    (line(account=""), "account:INNO_ERR_01;"),
    (line(no=2), "no:INNO_ERR_06;"),
    (line(account=12345678), "account:INNO_ERR_06;"),
    (line(account="1234 5678"), "account:INNO_ERR_06;"),
    (line(bank="970400"), ""),
    (line(bank="999999"), "bank:INNO_ERR_03;"),
    (line(name="Nguyễn Văn A"), "name:INNO_ERR_06;"),
    (line(name="A" * 71), "name:INNO_ERR_08;"),
    (line(description="A" * 141), "description:INNO_ERR_08;"),
    (line(description="chi tra!"), "description:INNO_ERR_06;"),
    (line(amount=-5), "amount:INNO_ERR_07;"),
    (line(amount=0), "amount:INNO_ERR_09;"),
    (line(amount="200,000"), "amount:INNO_ERR_06;"),
    (line(amount=500_000_000), "amount:INNO_ERR_118;"),
    (line(bank="970422", account="87654321", amount=10_000_000_000_001), "amount:INNO_ERR_11;"),
    (line(bank="970422", account=ACCOUNT), "account:INNO_ERR_112;"),
    (line(bank="970422", account="55555555"), "account:INNO_ERR_116;"),
    (line(bank="970422", account="87654321", name="LE VAN C"), ""),
    (line(bank="970422", account="87654321"), "name:INNO_ERR_114;"),
]


def test_every_row_is_told_what_is_wrong_with_it(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", reading=0)
    control.post("/accounts", number="87654321", name="LE VAN C")
    for number, (row, errors) in enumerate(CASES):
        (found,) = customer.looked_at(customer.read_in(f"T{number}", row))["transactions"]
        assert found["errorCodes"] == errors, row


def test_an_account_twice_in_a_file_is_an_error_of_both_rows(customer: Customer) -> None:
    found = customer.looked_at(customer.read_in("T1", LINE, line(no=2)))["transactions"]
    assert [row["errorCodes"] for row in found] == ["account:INNO_ERR_111;"] * 2


def test_a_name_that_cannot_be_verified_is_a_warning(customer: Customer) -> None:
    (found,) = customer.looked_at(customer.read_in("T1"))["transactions"]
    assert (found["errorCodes"], found["warningCodes"]) == ("", "name:INNO_ERR_115;")
