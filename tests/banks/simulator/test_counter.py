"""Money that comes in, goes back, and is taken without an order."""

from __future__ import annotations

from pathlib import Path

import pytest

from banks.simulator.clock import Agenda
from banks.simulator.counter import Counter
from banks.simulator.enrolment import load
from banks.simulator.journal import Journal
from banks.simulator.personality import personality
from banks.simulator.postman import Postman
from banks.simulator.records import Account
from banks.simulator.state import State
from tests.banks.simulator.customer import ControlPort, Customer, Mailbox, until

QR = (
    "00020101021238520010A000000727012200069704160108123456780208QRIBFTTA"
    "530370454094999999995802VN62120808SOCAIMAX6304AA43"
)
STATIC = "00020101021138520010A000000727012200069704160108123456780208QRIBFTTA53037045802VN63041EF0"
OTHER_BANK = "00020101021138570010A00000072701270006970422011300012345678900208QRIBFTTA53037045802VN63048FE7"


def test_a_payer_who_scans_a_code_pays_what_it_says(control: ControlPort, customer: Customer) -> None:
    paid = control.post("/pay", vietqr=QR)
    assert (paid["account"], paid["amount"], paid["direction"]) == ("12345678", 499_999_999, "credit")
    assert paid["memo"].startswith("SOCAIMAX GD ")
    (row,) = customer.rows()
    assert row["traceNumber"] == paid["trace"]
    assert row["remitterName"] == "NGUYEN VAN ANH"
    assert row["issuerBankName"] == "Vietcombank"
    assert row["transactionDescription"] == paid["memo"]
    assert control.balance() == 599_999_999


def test_a_payer_may_pay_another_amount_or_type_it_for_a_static_code(control: ControlPort) -> None:
    assert control.post("/pay", vietqr=QR, amount=1)["amount"] == 1
    assert control.post("/pay", vietqr=STATIC, amount=2, memo="x")["amount"] == 2
    assert control.refused("/pay", vietqr=STATIC)[0] == 400


@pytest.mark.parametrize(
    ("body", "http"),
    [
        ({"vietqr": OTHER_BANK, "amount": 1}, 400),
        ({"vietqr": QR[:-1] + "4"}, 400),
        ({"account": "12345678"}, 400),
        ({"account": "12345678", "amount": 1, "shares": "ACB0000000000000"}, 404),
        ({"account": "12345678", "amount": 0}, 400),
        ({"account": "12345678", "amount": 1.5}, 400),
        ({"account": "12345678", "amount": "1"}, 400),
        ({"account": "12345678", "amount": 1, "tip": 1}, 400),
        ({"account": "12345678", "amount": 1, "memo_style": "poem"}, 400),
        ({"account": "12345678", "amount": 1, "trace": "1"}, 400),
        ({"account": "99999999", "amount": 1}, 404),
    ],
)
def test_a_payment_that_cannot_be_is_refused(control: ControlPort, body: dict[str, object], http: int) -> None:
    assert control.refused("/pay", **body)[0] == http
    assert control.get("/movements") == []


def test_what_is_paid_to_a_virtual_account_lands_on_its_parent(keys: Path) -> None:
    acb = personality("acb")
    state = State(acb.profile, load(keys, acb), Journal(None))
    postman = Postman(state, Agenda(state.clock), acb(state), None)
    state.open(Account(number="VQR1", name="SOCAI", parent="12345678"), 0)
    paid = Counter(state, postman).pay({"account": "VQR1", "amount": 7})
    postman.close()
    assert (paid.account, paid.via, state.books.balance("12345678")) == ("12345678", "VQR1", 100_000_007)
    assert state.books.balance("VQR1") == 0


def test_interest_is_a_credit_that_nobody_sent(control: ControlPort, customer: Customer) -> None:
    paid = control.post("/interest", account="12345678", amount=7)
    assert (paid["direction"], paid["party"], paid["memo"]) == ("credit", None, "NODATA")
    assert customer.rows()[0]["remitterName"] is None
    assert control.get("/state")["trial_balance"]["expense:interest"] == -7
    assert control.refused("/interest", account="99999999", amount=7)[0] == 404
    assert control.post("/interest", account="12345678", amount=7)["reference"] != paid["reference"]


def test_a_payer_inside_the_bank_pays_from_his_own_balance(control: ControlPort) -> None:
    control.post("/accounts", number="87654321", name="TRAN THI BINH", balance=1_000)
    remitter = {"name": "TRAN THI BINH", "account": "87654321", "bin": "970416"}
    control.post("/pay", account="12345678", amount=400, memo="x", remitter=remitter)
    assert (control.balance(), control.balance("87654321")) == (100_000_400, 600)
    assert control.refused("/pay", account="12345678", amount=601, remitter=remitter)[0] == 409


def test_two_payments_can_be_given_the_same_trace_number(control: ControlPort, customer: Customer) -> None:
    for amount in (1, 2):
        control.post("/pay", account="12345678", amount=amount, trace="112233")
    assert [row["traceNumber"] for row in customer.rows()] == ["112233", "112233"]


def test_movements_may_share_a_reference_and_stay_what_they_are(control: ControlPort, mailbox: Mailbox) -> None:
    first = control.post("/pay", account="12345678", amount=150_000, memo="x")
    second = control.post("/pay", account="12345678", amount=90_000, memo="x", shares=first["reference"])
    fee = control.post("/charge", account="12345678", amount=5_500, shares=second["reference"])
    assert len({row["reference"] for row in (first, second, fee)}) == 3
    assert {row["shares"] for row in (second, fee)} == {first["reference"]}
    assert {row["trace"] for row in (second, fee)} == {first["trace"]}
    told = until(lambda: len(mailbox.taken) == 3 and [text for _, text in mailbox.taken])
    assert [first["reference"] in text for text in told or ()] == [True] * 3
    control.post("/accounts", number="555", name="LE VAN CUONG")
    assert control.refused("/charge", account="555", amount=1, shares=first["reference"])[0] == 404


def test_the_booking_date_can_be_the_next_working_day(control: ControlPort, mailbox: Mailbox) -> None:
    control.post("/pay", account="12345678", amount=1, effective_date="2031-01-06")
    assert mailbox.rows(1)[0]["effectiveDate"] == "2031-01-06"


def test_a_reversal_is_an_opposite_movement_announced_as_error_corrected(
    control: ControlPort, customer: Customer, mailbox: Mailbox
) -> None:
    paid = control.post("/pay", account="12345678", amount=150_000, memo="SOCAI7K3M9Q2X")
    until(lambda: mailbox.taken)
    back = control.post(f"/movements/{paid['reference']}/reverse")
    assert (back["direction"], back["amount"], back["status"]) == ("debit", 150_000, "ERRORCORRECTED")
    assert back["reverses"] == paid["reference"]
    assert back["trace"] != paid["trace"]
    pushed = mailbox.rows(2)[1]
    assert (pushed["transactionStatus"], pushed["debitOrCredit"]) == ("ERRORCORRECTED", "debit")
    assert "SOCAI7K3M9Q2X" in pushed["transactionContent"]
    assert [row["transactionStatus"] for row in customer.rows()] == ["ERRORCORRECTED", "COMPLETED"]
    assert control.balance() == 100_000_000
    assert control.refused(f"/movements/{paid['reference']}/reverse")[0] == 409
    assert control.refused(f"/movements/{back['reference']}/reverse")[0] == 409
    assert control.refused("/movements/NONE/reverse")[0] == 404


def test_a_reversed_payout_is_a_credit_and_takes_the_charge_back(control: ControlPort, customer: Customer) -> None:
    control.post("/settings", service_charge=1_100)
    customer.pay("T1")
    customer.ended("T1")
    debit = control.get("/movements")[0]
    assert control.post(f"/movements/{debit['reference']}/reverse")["direction"] == "credit"
    assert control.balance() == 100_000_000
    assert control.get("/state")["trial_balance_sum"] == 0


def test_a_charge_is_a_debit_nobody_ordered(control: ControlPort, customer: Customer) -> None:
    control.post("/charge", account="12345678", amount=11_000, memo="Phí SMS")
    (row,) = customer.rows()
    assert (row["debitOrCredit"], row["transactionAmount"]) == ("debit", 11_000)
    assert row["transactionDescription"].startswith("PHI SMS GD")
    assert control.refused("/charge", account="1", amount=1)[0] == 404


def test_accounts_are_opened_once(control: ControlPort) -> None:
    control.post("/accounts", number="87654321", name="TRAN THI BINH", balance=7)
    assert control.refused("/accounts", number="87654321", name="X")[0] == 409
    assert control.refused("/accounts", number="1", name="X", bin="970422", balance=1)[0] == 400
    assert control.refused("/accounts", number="a b", name="X")[0] == 400
    assert control.get("/state")["trial_balance"]["capital"] == -100_000_007
