"""The CMS recipe of ACB against the specification's check value and against openssl; keys given with notices."""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from banks.signatures import acb_authorization, acb_digest, key_matches, signature_bytes
from tests.banks.acb.rig import signer

PUBLISHED = (
    b'{"sourceAccountNumber":"12345678","transaction":{"transactionTraceNumber":"SOCAI000000001",'
    b'"transactionType":"IBFT","beneficiary":{"interbank":{"accountNumber":"0001234567890",'
    b'"beneficiaryName":"NGUYEN VAN A","bank":{"napasCode":"970422"}}},"amount":{"sourceCurrency":"VND",'
    b'"targetCurrency":"VND","amount":"200000","exchangeRate":"1","exchangeAmount":"200000"},'
    b'"remarks":"Chi tra SOCAI000000001"}}'
)
DIGEST = "2ca166e78e23bb6555acf87cf37759cd366e16d790cae42a9d49cd0d361a8282"


def test_the_digest_is_the_published_check_value() -> None:
    assert acb_digest(PUBLISHED) == DIGEST
    assert DIGEST.encode("utf-16-le")[:8].hex(" ") == "32 00 63 00 61 00 31 00"


def openssl(directory: Path, authorization: str, number: int) -> subprocess.CompletedProcess[bytes]:
    (directory / "signed.der").write_bytes(b64decode(authorization))
    (directory / "ca.pem").write_bytes(signer(number).certificate.public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "signed.der", "-CAfile", "ca.pem", "-binary"]
    # The authority's purpose check is about mail; the bank registers the certificate itself.
    return subprocess.run([*command, "-purpose", "any"], cwd=directory, capture_output=True, check=False, timeout=30)


def test_openssl_accepts_the_signature_and_finds_the_digest_inside(tmp_path: Path) -> None:
    authorization = acb_authorization(PUBLISHED, signer(1).private_key, signer(1).certificate)
    verified = openssl(tmp_path, authorization, 1)
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.decode("utf-16-le") == DIGEST


def test_openssl_refuses_another_signers_certificate(tmp_path: Path) -> None:
    authorization = acb_authorization(PUBLISHED, signer(1).private_key, signer(1).certificate)
    assert openssl(tmp_path, authorization, 2).returncode != 0


def test_openssl_refuses_a_changed_signature(tmp_path: Path) -> None:
    authorization = acb_authorization(PUBLISHED, signer(1).private_key, signer(2).certificate)
    assert openssl(tmp_path, authorization, 2).returncode != 0


def test_the_same_bytes_are_signed_the_same() -> None:
    one, two = (acb_authorization(PUBLISHED, signer(1).private_key, signer(1).certificate) for _ in range(2))
    assert one == two


def test_any_current_key_matches_and_nothing_else() -> None:
    assert key_matches(["new"], ["new", "old"])
    assert key_matches(["old"], ["new", "old"])
    assert key_matches(["wrong", "old"], ["new", "old"])
    for given in ([], [""], ["ne"], ["new "], ["newold"], ["\udc80"]):
        assert not key_matches(given, ["new", "old"])
    assert not key_matches(["new"], [])


@pytest.mark.parametrize("length", [254, 256])
def test_a_signature_has_one_text_only(length: int) -> None:
    raw = bytes(range(256))[:length]
    text = b64encode(raw).decode()
    assert signature_bytes(text) == raw
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = text.rstrip("=")
    others = [bare[:-1] + digit + "=" * (len(text) - len(bare)) for digit in digits if digit != bare[-1]]
    assert raw in [b64decode(other, validate=True) for other in others]
    for other in others:
        try:
            assert signature_bytes(other) != raw
        except ValueError:
            continue
