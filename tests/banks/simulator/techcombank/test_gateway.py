"""Every call of the customer, and every refusal that matters, over the wire."""

from __future__ import annotations

import httpx
import pytest

from tests.banks.simulator.customer import NEVER_STORED, ControlPort, Json, until
from tests.banks.simulator.techcombank.conftest import OPENING, OWN
from tests.banks.simulator.techcombank.customer import COLLECTION, MB, Customer, code_of, envelope, read, today


@pytest.mark.parametrize(("kind", "citad"), [("NAPAS", MB), ("CITAD", "01201001")])
def test_a_transfer_is_taken_and_then_executed(customer: Customer, control: ControlPort, kind: str, citad: str) -> None:
    said = customer.pay("SOCAI-000001", type=kind, citad=citad)
    assert said["RspnSts"] == {"Sts": "RCCF", "AddtlStsRsnInf": "000|Success"}
    assert said["RspnInf"]["Id"] == said["RspnInf"]["TxId"] == "SOCAI-000001"
    record = customer.ended("SOCAI-000001")
    (debit,) = control.get(f"/movements?account={OWN}")
    assert record == {
        "TxnSts": "COMPLETED",
        "TxnDes": "COMPLETED",
        "TxnStsRemark": "000",
        "TxnStsRemarkDes": "Success",
        "FeeCode": "",
        "FeeAmt": "0",
        "PartID": "SOCAI.SOCAI-000001",
        "ChannelTxnId": said["TxInf"]["RefId"],
        "TxnBnkID": debit["reference"],
        "TxnDate": today(),
        "Channel": customer.row["channel"],
    }
    assert (debit["amount"], debit["memo"]) == (200_000, "SOCAI-000001 Chi tra")
    assert control.balance(OWN) == OPENING - 200_000


def test_a_transfer_inside_the_bank_reaches_its_account(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="0001234567890", name="Nguyễn Văn A")
    assert customer.code("T1", type="INTERNAL", citad="01310001") == "000"
    assert customer.ended("T1")["TxnSts"] == "COMPLETED"
    assert control.balance("0001234567890") == 200_000


def test_a_wrong_name_is_told_late(customer: Customer, control: ControlPort) -> None:
    control.post("/accounts", number="0001234567890", name="LE VAN C", bin="970422")
    assert customer.code("T1") == "000"
    record = customer.ended("T1")
    assert (record["TxnSts"], record["TxnStsRemark"], record["TxnBnkID"]) == ("FAILED", "PA-007", "")
    assert control.balance(OWN) == OPENING


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"holder": "NGUYỄN VĂN A"}, "PA-008"),
        ({"memo": "Chi trả"}, "PA-009"),
        ({"sender": "CÔNG TY"}, "PA-013"),
        ({"citad": "99999999"}, "PA-005"),
        ({"amount": "100000001"}, "PA-020"),
        ({"amount": "500000000"}, "PA-021"),
        ({"amount": "200000.00"}, "SOA-002"),
        ({"day": "2025-02-30"}, "SOA-002"),
        ({"source": "19099999999999"}, "SOA-002"),
        ({"canonical": "FundTransferT10001234567890NGUYEN VAN A2025-01-15200001"}, "SOA-008"),
        ({"plain": f'<ReqInf xmlns="{COLLECTION}"><TxTp>DOMESTIC</TxTp></ReqInf>'}, "SOA-002"),
        ({"plain": "<ReqInf/>"}, "SOA-002"),
        ({"plain": "not xml"}, "SOA-002"),
    ],
)
def test_an_order_is_refused_in_the_banks_codes(
    customer: Customer, control: ControlPort, changes: dict[str, str], code: str
) -> None:
    assert customer.code("T1", **changes) == code
    assert control.get("/orders") == []
    assert control.last_refusal()


def test_a_bank_that_is_offline_is_inactive(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", offline_bins=["970422"])
    assert customer.code("T1") == "PA-004"


def test_a_second_order_under_the_same_id_is_a_duplicate(customer: Customer, control: ControlPort) -> None:
    assert [customer.code("T1"), customer.code("T1", amount="5")] == ["000", "PA-017"]
    assert customer.ended("T1")["TxnSts"] == "COMPLETED"
    assert control.get("/orders/T1")["received"] == 2
    assert control.balance(OWN) == OPENING - 200_000


def test_the_older_envelope_is_opened_when_the_bank_is_set_to_it(customer: Customer, control: ControlPort) -> None:
    customer.generation = "cbc"
    assert customer.code("T1") == "SOA-011"
    control.post("/settings", envelope="cbc")
    assert customer.code("T1") == "000"
    customer.generation = "gcm"
    assert customer.code("T2") == "SOA-011"


@pytest.mark.parametrize("sort", ["one", "swapped", "nameless", "stranger"])
def test_both_signers_must_sign_in_their_places(customer: Customer, control: ControlPort, sort: str) -> None:
    maker, checker = customer.row["signers"]
    given: dict[str, list[Json]] = {
        "one": [maker],
        "swapped": [checker, maker],
        "nameless": [maker | {"user": ""}, checker],
        "stranger": [maker, checker | {"user": "SOMEBODY"}],
    }
    customer.row = customer.row | {"signers": given[sort]}
    assert customer.code("T1") == "SOA-009"
    assert control.get("/orders/T1") == NEVER_STORED | {"trace": "T1"}


def test_a_signature_of_the_other_key_does_not_hold(customer: Customer) -> None:
    maker, checker = customer.row["signers"]
    customer.row = customer.row | {"signers": [maker, checker | {"private_key_pem": maker["private_key_pem"]}]}
    assert customer.code("T1") == "SOA-008"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<Nm>H2H</Nm>", "<Nm>P2P</Nm>", "SOA-002"),
        ("<SrcPty><Nm>SOCAI</Nm>", "<SrcPty><Nm>OTHER</Nm>", "SOA-001"),
        ("<Rqstr><Nm>SOCAIH2H</Nm>", "<Rqstr><Nm>OTHER</Nm>", "SOA-001"),
        ("<TxId>T1</TxId>", "<TxId>T2</TxId>", "SOA-002"),
        ("<TxId>T1</TxId>", "<TxId>T1</TxId><TxId>T1</TxId>", "SOA-002"),
        ("<PmtTp>NAPAS</PmtTp>", "", "SOA-002"),
        ("<PmtTp>NAPAS</PmtTp>", "<PmtTp>INTERNAL</PmtTp>", "SOA-002"),
        ("<Desc>test</Desc>", "<Desc>test</Desc><More/>", "SOA-002"),
        ("<Desc>test</Desc>", "<Desc><b/></Desc>", "SOA-002"),
        ("<Desc>test</Desc>", '<Desc xmlns="urn:other">test</Desc>', "SOA-002"),
        ('user="SOCAI_MAKER"', 'user="SOCAI_MAKER" role="x"', "SOA-002"),
        ("<ReqInf>", "<ReqInf>AAAA", "SOA-011"),
    ],
)
def test_a_header_is_read_strictly(customer: Customer, old: str, new: str, code: str) -> None:
    order = customer.order("T1")
    assert old in order
    name, said = read(customer.send(order.replace(old, new)).text)
    assert (name, code_of(said)) == ("XferRspn", code)


@pytest.mark.parametrize(
    ("action", "inner"),
    [
        ("FundTransfer", "<XferReq/>"),
        ("FundTransfer", ""),
        ("FundTransfer", "<a/><a/>"),
        ("Nothing", f'<XferReq xmlns="{COLLECTION}"/>'),
        ("InqTransactionStatus", f'<XferReq xmlns="{COLLECTION}"/>'),
    ],
)
def test_what_names_no_operation_is_a_soap_fault(customer: Customer, action: str, inner: str) -> None:
    answer = customer.call(action, inner)
    assert answer.status_code == 500
    name, said = read(answer.text)
    assert name.endswith("}Fault")
    assert said["faultcode"].endswith(":Client")


@pytest.mark.parametrize("raw", [b"", b"<a>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', envelope("x").encode()])
def test_what_is_not_soap_is_a_soap_fault(customer: Customer, raw: bytes) -> None:
    headers = {"Content-Type": "text/xml", "SOAPAction": "FundTransfer"}
    assert customer.http.post(customer.url, content=raw, headers=headers).status_code == 500


def test_soap_is_sent_as_xml(customer: Customer) -> None:
    headers = {"Content-Type": "application/json"}
    assert customer.call("FundTransfer", customer.order("T1"), **headers).status_code == 500


def test_a_wrong_password_is_401_for_every_call(customer: Customer) -> None:
    right = (customer.row["username"], customer.row["password"])
    for user, password in ((right[0], "wrong"), ("wrong", right[1]), (":", "")):
        customer.http.auth = httpx.BasicAuth(user, password)
        assert customer.send(customer.order("T1")).status_code == 401
        assert customer.history().status_code == 401


def test_who_gives_no_password_at_all_is_401(customer: Customer) -> None:
    assert httpx.post(customer.url, content=b"", trust_env=False).status_code == 401


def test_maintenance_has_a_code_of_its_own(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", maintenance=True)
    assert customer.code("T1") == "SOA-090"
    assert code_of(read(customer.ask("T1").text)[1]) == "SOA-090"
    assert code_of(customer.banks()) == "SOA-090"
    assert customer.account(OWN)["Status"]["StatusCode"] == "SOA-090"
    assert customer.history().status_code == 503


def test_balances_are_told_to_the_owner_alone(customer: Customer, control: ControlPort) -> None:
    control.post("/next-order", fault="stuck")
    customer.pay("T1")
    said = customer.account(OWN)
    assert said["RqUID"] == "RQ-1"
    assert said["Status"] == {"StatusCode": "000"}
    assert said["AcctRec"] == {
        "AcctId": OWN,
        "AcctTitl": "CONG TY SOCAI",
        "AcctSts": "ACTIVE",
        "AcctBal": [
            {"BalType": "Ledger", "CurAmt": str(OPENING)},
            {"BalType": "Avail", "CurAmt": str(OPENING - 200_000)},
        ],
    }
    control.post("/accounts", number="55555", name="LE VAN C", balance=7)
    for number, role, name in ((OWN, "BENEFICIARY", "CONG TY SOCAI"), ("55555", "OWNER", "LE VAN C")):
        record = customer.account(number, role)["AcctRec"]
        assert record == {"AcctId": number, "AcctTitl": name, "AcctSts": "ACTIVE"}


def test_an_account_that_does_not_exist_and_an_enquiry_that_is_not_signed_tell_nothing(customer: Customer) -> None:
    assert customer.account("4711")["Status"] == {"StatusCode": "AI-001", "StatusDesc": "Account not found"}
    customer.generation = "cbc"
    assert customer.account(OWN)["Status"]["StatusCode"] == "SOA-011"
    customer.generation = "gcm"
    said = customer.account(OWN, canonical="AcctInqRQ-1")
    assert said["Status"]["StatusCode"] == "SOA-008"
    assert "AcctRec" not in said


def test_the_banks_are_listed_by_their_citad_codes(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", offline_bins=["970415"])
    rows = {row["CITAD"]: row for row in customer.banks()["BkInfRcrd"]}
    assert (rows[MB]["BkCd"], rows[MB]["ActvSts"], rows[MB]["IsCentralizedBank"]) == ("MB", "ACTIVE", "Y")
    assert rows["01201001"]["ActvSts"] == "INACTIVE"
    assert code_of(customer.banks("970422")) == "SOA-002"


def test_an_enquiry_finds_nothing_in_one_of_two_shapes(customer: Customer, control: ControlPort) -> None:
    assert list(read(customer.ask("T1").text)[1]) == ["RspnSts"]
    control.post("/settings", not_found="error")
    assert code_of(read(customer.ask("T1").text)[1]) == "001"


def test_an_enquiry_may_be_unsigned_unless_the_bank_wants_it_signed(customer: Customer, control: ControlPort) -> None:
    assert code_of(read(customer.ask("T1", "").text)[1]) == "000"
    assert code_of(read(customer.ask("T1", customer.signatures("another text")).text)[1]) == "SOA-008"
    control.post("/settings", enquiry_signature="required")
    customer.row = customer.row | {"signers": customer.row["signers"][:1]}
    assert code_of(read(customer.ask("T1").text)[1]) == "000"
    customer.row = customer.row | {"signers": [customer.row["signers"][0] | {"user": "SOMEBODY"}]}
    assert code_of(read(customer.ask("T1").text)[1]) == "SOA-009"
    assert code_of(read(customer.ask("T1", "").text)[1]) == "SOA-009"


def test_the_word_of_a_status_may_stand_within_others(customer: Customer, control: ControlPort) -> None:
    control.post("/settings", status_words="within")
    customer.pay("T1")
    until(lambda: "COMPLETED" in customer.status("T1")["TxnSts"])
    assert customer.status("T1")["TxnSts"] != "COMPLETED"


def test_the_history_is_newest_first_by_pages(customer: Customer, control: ControlPort) -> None:
    for amount in (1, 2, 3):
        control.post("/pay", account=OWN, amount=amount, memo="SOCAI7K3M9Q2X")
    first, second = (customer.history(**{"from": number, "size": 2}).json() for number in (0, 1))
    assert [row["transactionAmountCurrency"]["amount"] for row in first + second] == ["3", "2", "1"]
    assert customer.history(orderBy="bookingDate", direction="DESC").json() == first + second
    assert customer.history(bookingDateLessThan="2025-01-01", bookingDateGreaterThan="2025-01-01").json() == []


@pytest.mark.parametrize(
    ("changes", "http"),
    [
        ({"arrangementId": "4711"}, 403),
        ({"size": 501}, 400),
        ({"from": -1}, 400),
        ({"bookingDateLessThan": "2025-02-30"}, 400),
        ({"more": 1}, 400),
        ({"direction": "ASC"}, 400),
    ],
)
def test_a_history_is_asked_for_strictly(customer: Customer, changes: dict[str, str | int], http: int) -> None:
    assert customer.history(**changes).status_code == http


def test_a_history_needs_all_its_parameters(customer: Customer) -> None:
    assert customer.http.get(f"{customer.url}/transactions", params={"size": 1}).status_code == 400
