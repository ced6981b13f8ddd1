"""What the bank keeps of a customer, and what it gives him."""

from __future__ import annotations

from banks.simulator.enrolment import Enrolment
from banks.simulator.techcombank.enrolment import enrol

MINE = Enrolment(base_url="https://bank:446", accounts=(("ba_one", "1"), ("ba_two", "2")))


def test_the_bank_keeps_no_secret_of_the_customer_and_shows_none() -> None:
    side, rows = enrol(MINE)
    secrets = [str(rows[0][name]) for name in ("password", "client_key_pem", "opening_key_pem")]
    secrets += [signer["private_key_pem"] for signer in rows[0]["signers"]]  # type: ignore[attr-defined]
    kept = "".join(str(getattr(side, name)) for name in side.__struct_fields__)
    assert [secret for secret in secrets if secret in kept] == []
    assert side.knows("socai", str(rows[0]["password"]))
    assert not side.knows("socai", "wrong")
    assert "PRIVATE" not in repr(side)


def test_every_account_has_a_row_and_certificates_come_with_https_only() -> None:
    _, rows = enrol(MINE)
    assert [(row["id"], row["account_number"]) for row in rows] == [("ba_one", "1"), ("ba_two", "2")]
    side, (row,) = enrol(Enrolment(base_url="http://bank:446", accounts=(("ba_one", "1"),)))
    assert not side.over_tls
    assert row.keys() & {"client_key_pem", "client_certificate_pem", "ca_pem"} == set()
    assert {"client_key_pem", "client_certificate_pem", "ca_pem"} <= rows[0].keys()
