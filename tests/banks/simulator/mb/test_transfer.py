"""A transfer read from its body, and what its signature covers."""

from __future__ import annotations

import pytest

from banks.simulator import keys
from banks.simulator.mb.transfer import check_signature, read
from banks.simulator.refusals import Refused
from tests.banks.simulator.mb.customer import inside, order, signature

KEY = keys.new_key()


def test_the_printed_text_is_signed_without_separators() -> None:
    wanted = read(order())
    assert wanted.signed == "0009990001234CTY TNHH SOCAI12345678NGUYEN VAN A200000"
    assert (wanted.rail, wanted.amount, wanted.beneficiary.bin) == ("napas", 200_000, "970416")
    check_signature(wanted, signature(wanted.signed, keys.private_pem(KEY)), KEY.public_key())


def test_an_account_inside_the_bank_has_its_number() -> None:
    assert read(inside()).beneficiary.bin == "970422"


def test_base64_has_one_form() -> None:
    wanted = read(order())
    right = signature(wanted.signed, keys.private_pem(KEY))
    last = right.rstrip("=")[-1]
    other = right.rstrip("=")[:-1] + chr(ord(last) + 1) + right[len(right.rstrip("=")) :]
    for given in (other, right + "\n", right[:-4]):
        with pytest.raises(Refused):
            check_signature(wanted, given, KEY.public_key())
