"""The double-hashed signature and its check value."""

from __future__ import annotations

import base64

import pytest

from banks.simulator import keys
from banks.simulator.refusals import Refused
from banks.simulator.techcombank import signing
from banks.simulator.techcombank.signing import Signatory, Signature

PRINTED = "FundTransferSOCAI-0000010001234567890NGUYEN VAN A2025-01-15200000"
PRINTED_SHA256 = "84de64c068f051a3c1a1da15aa8fd6ee6fc3076685db8db01dba09b25e63a73e"


def test_the_printed_text_has_the_printed_digest() -> None:
    text = signing.fund_transfer("SOCAI-000001", "0001234567890", "NGUYEN VAN A", "2025-01-15", "200000")
    assert text == PRINTED
    assert signing.digest(text).hex() == PRINTED_SHA256


def test_every_operation_has_its_own_text() -> None:
    assert signing.status_enquiry("E1", "T1") == "InqTransactionStatusE1T1"
    assert signing.account_enquiry("R", "S", "C", "OWNER", "O", "1") == "AcctInqRSCOWNERO1"
    assert signing.update_status("SOCAI.T1", "H", "COMPLETED", "000") == "UpdateStatusSOCAI.T1HCOMPLETED000"


def test_one_signature_has_one_text() -> None:
    key = keys.new_key()
    text = signing.sign("x", keys.private_pem(key))
    wanted = [Signatory("maker", key.public_key())]
    signing.check("x", [Signature("maker", text)], wanted)
    overlooked = text.rstrip("=")[:-1] + chr(ord(text.rstrip("=")[-1]) + 1) + "=" * text.count("=")
    assert base64.b64decode(overlooked) == base64.b64decode(text)
    for wrong in (overlooked, "!", signing.sign("y", keys.private_pem(key))):
        with pytest.raises(Refused) as refusal:
            signing.check("x", [Signature("maker", wrong)], wanted)
        assert refusal.value.code == "SOA-008"
