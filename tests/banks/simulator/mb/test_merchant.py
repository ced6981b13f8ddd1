"""Codes for bills, and the checksums of the merchant product with the check values of the specification."""

from __future__ import annotations

import pytest

from banks.simulator import vietqr
from banks.simulator.mb.merchant import Bill, checksum, order_checksum, qr, read, sale_checksum
from banks.simulator.refusals import Malformed
from tests.banks.simulator.mb.customer import Json

KEY = "demo-access-key"
BODY: Json = {
    "terminalID": "SOCAI01",
    "qrcodeType": 1,
    "partnerType": 2,
    "initMethod": 12,
    "transactionAmount": "150000",
    "billNumber": "BILL0001",
    "additionalAddress": 0,
    "additionalMobile": 0,
    "additionalEmail": 0,
    "referenceLabelCode": "REF0001",
    "transactionPurpose": "SOCAI7K3M9Q2X",
}


def test_the_check_values_of_the_specification() -> None:
    order = order_checksum("FT25015000000001", "BILL0001", "REF0001", KEY)
    assert order == "2935508205f6f640a6f9e588661da171"
    sale = sale_checksum("FT25015000000001", "BILL0001", "20250115103000", "150000", KEY)
    assert sale == "1cd7f28f167b69aa7e5a0f0a35cb8e01"
    assert checksum("a", "b") == checksum("ab")


def test_a_code_asks_for_its_bill_on_a_virtual_account() -> None:
    bill = read(BODY)
    assert bill == Bill("SOCAI01", 150_000, "BILL0001", "REF0001", "SOCAI7K3M9Q2X")
    assert vietqr.read(qr(bill, "VQRSOCAI000001")) == ("970422", "VQRSOCAI000001", 150_000, "SOCAI7K3M9Q2X")


def test_the_texts_of_a_code_are_99_characters_in_all() -> None:
    most = {"billNumber": "B" * 25, "referenceLabelCode": "R" * 25, "terminalID": "T" * 25}
    assert len(vietqr.objects(qr(read(BODY | most | {"transactionPurpose": "PURPOSE9"}), "VQR1"), "x")["62"]) == 99


@pytest.mark.parametrize(
    "change",
    [
        *({"partnerType": "2"}, {"partnerType": 1}, {"additionalEmail": False}, {"transactionAmount": 150_000}),
        *({"transactionAmount": "0"}, {"billNumber": ""}, {"billNumber": "B" * 26}, {"note": "x"}),
        {
            "billNumber": "B" * 25,
            "referenceLabelCode": "R" * 25,
            "terminalID": "T" * 25,
            "transactionPurpose": "PURPOSE90",
        },
    ],
)
def test_a_bill_that_cannot_be_is_refused(change: Json) -> None:
    with pytest.raises(Malformed):
        read(BODY | change)
