"""What ACB makes for a customer who is taken on."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from tests.banks.simulator.customer import Json


def test_keys_and_certificates_belong_together_and_signers_differ(row: Json) -> None:
    maker, checker = row["signers"]
    assert maker["authorization_id"] != checker["authorization_id"]
    for signer in (maker, checker):
        key = load_pem_private_key(signer["private_key_pem"].encode(), None).public_key()
        assert load_pem_x509_certificate(signer["certificate_pem"].encode()).public_key() == key
    assert maker["private_key_pem"] != checker["private_key_pem"]
