"""Keys and certificates of banks and customers."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509 import SubjectAlternativeName, load_pem_x509_certificate

from banks.simulator import keys


def test_a_key_comes_back_from_its_text() -> None:
    key = keys.new_key()
    assert keys.private_key(keys.private_pem(key)).private_numbers() == key.private_numbers()
    assert keys.public_key(keys.public_pem(key)) == key.public_key()


def test_a_key_of_another_kind_is_refused() -> None:
    other = generate_private_key(SECP256R1())
    private = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ValueError, match="RSA"):
        keys.private_key(private)
    with pytest.raises(ValueError, match="RSA"):
        keys.public_key(public)


@pytest.mark.parametrize("host", ["127.0.0.1", "simulator"])
def test_a_servers_certificate_names_its_host(host: str) -> None:
    key = keys.new_key()
    certificate = load_pem_x509_certificate(keys.certificate(key, "BANK", "bank", host).encode())
    assert certificate.public_key() == key.public_key()
    (name,) = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert str(name.value) == host


def test_the_stranger_is_one_and_nobody_else() -> None:
    assert keys.stranger_pem() == keys.stranger_pem() != keys.private_pem(keys.new_key())
