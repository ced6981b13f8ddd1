"""What becomes of stored orders, and what they do to the books."""

from __future__ import annotations

from banks.simulator.orders import REASONS
from tests.banks.simulator.customer import ControlPort, Customer, Mailbox, inside, interbank


def test_an_order_inside_the_bank_moves_money_between_two_customers(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="87654321", name="TRAN THI BINH", balance=5)
    customer.pay("T1", 200_000, "INSIDEBANK", inside("87654321", "Trần  Thị Bình"))
    assert customer.ended("T1")["status"] == "TRAN"
    assert (control.balance(), control.balance("87654321")) == (99_800_000, 200_005)
    assert control.get("/state")["trial_balance_sum"] == 0


def test_a_wrong_beneficiary_name_is_refused_and_no_money_moves(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="87654321", name="TRAN THI BINH")
    customer.pay("T1", 200_000, "INSIDEBANK", inside("87654321", "TRAN THI AN"))
    line = customer.ended("T1")
    assert (line["status"], line["statusMessage"], line["transactionNumber"]) == ("INVA", REASONS["wrong_name"], None)
    assert control.balance() == 100_000_000
    assert customer.balance().json()["data"]["available_balance"] == 100_000_000


def test_an_unknown_account_inside_the_bank_is_refused(customer: Customer) -> None:
    customer.pay("T1", 200_000, "INSIDEBANK", inside("87654321", "TRAN THI BINH"))
    assert customer.ended("T1")["statusMessage"] == "Beneficiary account does not exist"


def test_an_order_to_its_own_source_is_refused(customer: Customer) -> None:
    customer.pay("T1", 200_000, "INSIDEBANK", inside("12345678", "CONG TY SOCAI"))
    assert customer.ended("T1")["statusMessage"] == "Beneficiary account is the source account"


def test_a_name_at_another_bank_is_compared_when_the_account_is_known(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="0001234567890", name="LE VAN C", bin="970422")
    customer.pay("T1")
    assert customer.ended("T1")["statusMessage"] == REASONS["wrong_name"]
    customer.pay("T2", to=interbank(name="Lê Văn C"))
    assert customer.ended("T2")["status"] == "TRAN"


def test_a_receiving_bank_that_is_away_is_refused(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", offline_bins=["970422"])
    customer.pay("T1")
    assert customer.ended("T1")["statusMessage"] == "Receiving bank is not available"


def test_money_that_vanished_after_acceptance_is_refused_with_the_code(
    customer: Customer, control: ControlPort
) -> None:
    control.post("/settings", validate_s=100)
    customer.pay("T1", 60_000_000)
    control.post("/charge", account="12345678", amount=50_000_000)
    control.post("/clock", advance_s=101)
    assert "30010001" in customer.ended("T1")["statusMessage"]


def test_a_service_charge_is_a_row_of_its_own(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", service_charge=3_300)
    customer.pay("T1")
    assert customer.ended("T1")["serviceChargeAmount"] == 3_300
    assert [row["transactionAmount"] for row in customer.rows()] == [3_300, 200_000]
    assert control.get("/state")["trial_balance"]["income:charges"] == 3_300
    assert control.balance() == 99_796_700


def test_an_ended_order_cannot_end_otherwise(customer: Customer, control: ControlPort) -> None:
    customer.pay("T1")
    customer.ended("T1")
    status, error = control.refused("/orders/T1", status="refused")
    assert status == 409
    assert "stays so" in error
    assert control.refused("/orders/T2", status="executed")[0] == 404


def test_a_forced_execution_books_once(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", validate_s=100, transfer_s=100)
    customer.pay("T1")
    control.post("/orders/T1", status="executed")
    control.post("/clock", advance_s=1_000)
    control.post("/orders/T1", status="executed")
    assert control.balance() == 99_800_000


def test_returned_money_is_a_credit_with_a_reference_of_its_own(
    customer: Customer, control: ControlPort, mailbox: Mailbox
) -> None:
    customer.pay("T1SOCAI")
    customer.ended("T1SOCAI")
    back = control.post("/orders/T1SOCAI/return", reason="SAI TAI KHOAN")
    debit, credit = control.get("/movements?account=12345678")
    assert credit == back
    assert (credit["direction"], credit["amount"], credit["status"]) == ("credit", 200_000, "COMPLETED")
    assert credit["reference"] != debit["reference"]
    assert "T1SOCAI SAI TAI KHOAN" in credit["memo"]
    assert len(mailbox.rows(2)) == 2
    assert control.balance() == 100_000_000
    assert control.refused("/orders/T1SOCAI/return")[0] == 409
    assert customer.line("T1SOCAI")["status"] == "TRAN"


def test_money_returned_inside_the_bank_leaves_the_other_customer(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="87654321", name="TRAN THI BINH")
    customer.pay("T1", 200_000, "INSIDEBANK", inside("87654321", "TRAN THI BINH"))
    customer.ended("T1")
    control.post("/orders/T1/return")
    assert (control.balance(), control.balance("87654321")) == (100_000_000, 0)


def test_an_order_that_was_not_executed_cannot_be_returned(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    customer.pay("T1")
    assert control.refused("/orders/T1/return")[0] == 409
