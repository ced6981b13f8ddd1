"""The CMS check: right messages pass (openssl agrees), spoilt ones do not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from banks.simulator.acb import cms
from banks.simulator.acb.der import BadDer
from tests.banks.simulator.customer import PRINTED_HEX, Json, certificate_of, signed

CONTENT = PRINTED_HEX.encode("utf-16-le")


def test_the_first_bytes_to_sign_are_the_printed_ones() -> None:
    assert CONTENT[:8].hex(" ") == "32 00 63 00 61 00 31 00"
    assert len(CONTENT) == 128


@pytest.mark.parametrize("attributes", [True, False])
def test_a_right_message_is_taken_apart_and_verifies(row: Json, attributes: bool) -> None:
    found = cms.read(signed(CONTENT, row["signers"][0], attributes=attributes))
    assert found.content == CONTENT
    assert found.certificate == certificate_of(row["signers"][0])
    cms.verify(found)


def test_openssl_agrees_with_the_message_that_verifies_here(row: Json, tmp_path: Path) -> None:
    signer = row["signers"][0]
    (tmp_path / "message").write_bytes(signed(CONTENT, signer))
    (tmp_path / "certificate").write_text(signer["certificate_pem"])
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-in", "message", "-CAfile", "certificate"]
    done = subprocess.run([*command, "-purpose", "any", "-binary"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == CONTENT


def test_a_message_openssl_signed_verifies_here(row: Json, tmp_path: Path) -> None:
    signer = row["signers"][1]
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "certificate").write_text(signer["certificate_pem"])
    (tmp_path / "key").write_text(signer["private_key_pem"])
    command = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-md", "sha1", "-outform", "DER", "-in", "content"]
    command += ["-signer", "certificate", "-inkey", "key"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    found = cms.read(done.stdout)
    cms.verify(found)
    assert found.content == CONTENT


@pytest.mark.parametrize("attributes", [True, False])
def test_content_changed_after_signing_does_not_verify(row: Json, attributes: bool) -> None:
    message = signed(CONTENT, row["signers"][0], attributes=attributes).replace(CONTENT, CONTENT[::-1])
    with pytest.raises(cms.BadSignature):
        cms.verify(cms.read(message))


def test_a_changed_signature_does_not_verify(row: Json) -> None:
    message = signed(CONTENT, row["signers"][0])
    found = cms.read(message[:-1] + bytes([message[-1] ^ 1]))
    with pytest.raises(cms.BadSignature):
        cms.verify(found)


def test_another_digest_than_sha1_does_not_verify(row: Json) -> None:
    found = cms.read(signed(CONTENT, row["signers"][0]))._replace(digest_algorithm="2.16.840.1.101.3.4.2.1")
    with pytest.raises(cms.BadSignature, match="SHA1withRSA"):
        cms.verify(found)


@pytest.mark.parametrize("message", [b"", b"\x30\x00", b"\x30\x80\x00\x00", b"\x02\x01\x01"])
def test_what_is_no_signed_data_is_bad_der(message: bytes) -> None:
    with pytest.raises(BadDer):
        cms.read(message)


def test_every_cut_of_a_right_message_is_bad_der(row: Json) -> None:
    message = signed(CONTENT, row["signers"][0])
    for length in range(0, len(message), 37):
        with pytest.raises(BadDer):
            cms.read(message[:length])


def test_a_message_with_bytes_behind_it_is_bad_der(row: Json) -> None:
    with pytest.raises(BadDer):
        cms.read(signed(CONTENT, row["signers"][0]) + b"\x00")
