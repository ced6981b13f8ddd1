"""The signing recipe read backwards."""

from __future__ import annotations

import base64
import json

import pytest

from banks.simulator.acb.authorization import Authorization, certificates, check, digest_text
from banks.simulator.refusals import Refused
from tests.banks.simulator.customer import (
    PRINTED_DATA,
    PRINTED_HEX,
    Json,
    authorization,
    certificate_of,
)


def registered(row: Json) -> dict[str, bytes]:
    return certificates({one["authorization_id"]: one["certificate_pem"] for one in row["signers"]})


def given(data: Json, signers: list[Json]) -> list[Authorization]:
    found = [authorization(data, signer) for signer in signers]
    return [Authorization(one["authorizationId"], one["authorizationString"]) for one in found]


def test_the_printed_check_value_is_reached() -> None:
    assert digest_text(json.loads(PRINTED_DATA)) == PRINTED_HEX


def test_another_key_order_gives_another_digest() -> None:
    data = json.loads(PRINTED_DATA)
    assert digest_text(dict(reversed(data.items()))) != PRINTED_HEX


def test_certificates_are_kept_as_the_very_bytes_of_the_certificate(row: Json) -> None:
    assert registered(row)[row["signers"][0]["authorization_id"]] == certificate_of(row["signers"][0])


def test_two_registered_signers_are_enough(row: Json) -> None:
    data = json.loads(PRINTED_DATA)
    check(data, given(data, row["signers"]), registered(row))


@pytest.mark.parametrize(("which", "http"), [("not registered", 289), ("no base64", 400), ("other data", 289)])
def test_each_fault_of_one_authorization_has_its_status(row: Json, which: str, http: int) -> None:
    data = json.loads(PRINTED_DATA)
    signers = given(data if which != "other data" else {"a": "1"}, row["signers"])
    if which == "not registered":
        signers[1] = signers[1]._replace(id="6ba7b810-9dad-11d1-80b4-00c04fd430c8")
    if which == "no base64":
        signers[1] = signers[1]._replace(string="====")
    with pytest.raises(Refused) as refusal:
        check(data, signers, registered(row))
    assert refusal.value.http == http


def test_a_certificate_whose_key_does_not_sign_is_a_mismatch(row: Json) -> None:
    data = json.loads(PRINTED_DATA)
    maker, checker = row["signers"]
    mixed = maker | {"private_key_pem": checker["private_key_pem"]}
    with pytest.raises(Refused) as refusal:
        check(data, given(data, [mixed, checker]), registered(row))
    assert refusal.value.http == 289
    assert "does not belong" in refusal.value.reason


def test_no_refusal_repeats_the_signature(row: Json) -> None:
    data = json.loads(PRINTED_DATA)
    signers = given({"a": "1"}, row["signers"])
    with pytest.raises(Refused) as refusal:
        check(data, signers, registered(row))
    assert base64.b64encode(base64.b64decode(signers[0].string)[:30]).decode() not in str(refusal.value)
