"""Plain texts and signatures of VietinBank against the printed values of 4.1."""

from __future__ import annotations

import hashlib

import pytest

from banks.simulator.keys import new_key, private_pem, public_pem
from banks.simulator.vietinbank import signing


def test_the_printed_plain_texts_have_the_printed_digests() -> None:
    lookup = signing.plain(
        *("SOCAIQ20250115100000001", "SOCAI", "", "12345678", "970416", "203.0.113.7", "WEB", "1.0", "vi")
    )
    assert lookup == "SOCAIQ20250115100000001SOCAI12345678970416203.0.113.7WEB1.0vi"
    assert hashlib.sha256(lookup.encode()).hexdigest() == (
        "8d7dbe6add5689e6e80e3fb47b3a7008aae886610de09cc7e7cbd134b1e6488e"
    )


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_signature_holds_for_one_text_and_one_key(digest: signing.Digest) -> None:
    key, other = new_key(), new_key()
    made = signing.sign("abc", private_pem(key), digest)
    assert signing.holds(made, "abc", public_pem(key), digest)
    assert not signing.holds(made, "abd", public_pem(key), digest)
    assert not signing.holds(made, "abc", public_pem(other), digest)
    assert not signing.holds("not Base64", "abc", public_pem(key), digest)
