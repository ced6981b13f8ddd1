"""A sale by VietQR: the code, the two notices of one payment, the enquiry and the refund."""

from __future__ import annotations

from tests.banks.simulator.customer import ControlPort, until
from tests.banks.simulator.mb.conftest import ACCOUNT
from tests.banks.simulator.mb.customer import Customer, Door, Json, inside, md5
from tests.banks.simulator.mb.test_merchant import BODY


def sold(customer: Customer, control: ControlPort) -> Json:
    code = customer.merchant("createqr", BODY).json()["data"]["qrcode"]
    paid: Json = control.post("/pay", vietqr=code)
    return paid


def test_one_payment_is_told_of_twice_under_one_reference(customer: Customer, control: ControlPort, door: Door) -> None:
    paid = sold(customer, control)
    assert (paid["account"], paid["via"]) == (ACCOUNT, "VQRSOCAI000001")
    until(lambda: len(door.taken) == 2)
    pushed = next(body for _, body in door.taken if "transType" in body)
    sale = next(body for _, body in door.taken if "checkSum" in body)
    assert (pushed["va"], pushed["referencenumber"]) == ("VQRSOCAI000001", sale["ftCode"])
    assert set(sale) == {
        *(
            "traceTransfer",
            "storeLabel",
            "terminalLabel",
            "debitAmount",
            "realAmount",
            "payDate",
            "respCode",
            "respDesc",
        ),
        *("checkSum", "rate", "billNumber", "consumerLabelTerm", "referenceLabelCode", "userName", "ftCode"),
        "endPointUrl",
    }
    joined = sale["traceTransfer"] + sale["billNumber"] + sale["payDate"] + sale["debitAmount"]
    assert sale["checkSum"] == md5(joined + customer.row["mms_access_key"])
    assert (sale["billNumber"], sale["debitAmount"], sale["terminalLabel"]) == ("BILL0001", "150000", "SOCAI01")
    until(lambda: [notice["status"] for notice in control.get("/notices")] == ["acknowledged"] * 2)
    assert customer.rows()[0]["refNo"] == sale["ftCode"]
    assert control.balance(ACCOUNT) == 100_150_000
    assert [account["number"] for account in control.get("/state")["accounts"]] == [ACCOUNT]


def test_a_sale_can_come_with_a_wrong_checksum_none_or_another_amount(
    customer: Customer, control: ControlPort, door: Door
) -> None:
    control.post("/webhooks", mode="drop")
    paid = sold(customer, control)
    for spoilt in ({"key": "wrong"}, {"key": "missing"}, {"body": "tampered"}):
        control.post(f"/movements/{paid['reference']}/notify", **spoilt)
    until(lambda: len(door.taken) == 6)
    sales = [body for _, body in door.taken if "checkSum" in body]
    for sale in sales:
        joined = sale["traceTransfer"] + sale["billNumber"] + sale["payDate"] + sale["debitAmount"]
        assert sale["checkSum"] != md5(joined + customer.row["mms_access_key"])
    assert sorted(sale["debitAmount"] for sale in sales) == ["150000", "150000", "150001"]


def test_a_sale_is_found_by_its_checksum(customer: Customer, control: ControlPort) -> None:
    trace = sold(customer, control)["reference"]
    asked = {"traceTransfer": trace, "referenceLabel": "REF0001", "billNumber": "BILL0001"}
    proof = md5(f"{trace}BILL0001REF0001BLC{customer.row['mms_access_key']}")
    assert customer.merchant("checkOrder", asked | {"checkSum": proof}).json()["data"]["ftCode"] == trace
    assert customer.merchant("checkOrder", asked | {"checkSum": "0" * 32}).json()["errorCode"] == "100"
    other = md5(f"FT1BILL0001REF0001BLC{customer.row['mms_access_key']}")
    unknown = asked | {"traceTransfer": "FT1", "checkSum": other}
    assert customer.merchant("checkOrder", unknown).json()["errorCode"] == "4863"
    swapped = md5(f"{trace}BILL0002REF0001BLC{customer.row['mms_access_key']}")
    another = asked | {"billNumber": "BILL0002", "checkSum": swapped}
    assert customer.merchant("checkOrder", another).json()["errorCode"] == "4863"


def test_a_sale_is_given_back_whole_and_once(customer: Customer, control: ControlPort) -> None:
    trace = sold(customer, control)["reference"]
    asked = {"terminalID": "SOCAI01", "traceTransfer": trace, "amount": "150000", "content": "HOAN TIEN"}

    def refund(**changes: str) -> Json:
        found: Json = customer.merchant("refundVietQR", asked | changes).json()
        return found

    assert refund(traceTransfer="FT1")["errorCode"] == "4863"
    assert refund(terminalID="OTHER")["errorCode"] == "4863"
    assert refund(amount="149999")["errorCode"] == "4857"
    assert refund()["data"]["ft"].startswith("FT")
    assert refund()["errorCode"] == "4857"
    assert control.balance(ACCOUNT) == 100_000_000


def test_the_product_has_credentials_of_its_own(customer: Customer) -> None:
    assert customer.merchant("createqr", BODY, secretKey="wrong").json()["errorCode"] == "100"
    assert customer.merchant("createqr", BODY, userName="wrong").json()["errorCode"] == "100"
    assert customer.merchant("refundVietQR", {}, transactionID="-").json()["errorCode"] == "205"


def test_nobody_pays_a_virtual_account_by_an_order(customer: Customer, control: ControlPort) -> None:
    customer.merchant("createqr", BODY)
    customer.send("A1", inside(creditResourceNumber="VQRSOCAI000001", creditName="CTY TNHH SOCAI"))
    assert customer.ended("A1")["transStatus"] == "FAILED"
    assert control.balance(ACCOUNT) == 100_000_000
