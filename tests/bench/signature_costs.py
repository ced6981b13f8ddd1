"""What one signature, one check of a signature, and one sealed text cost, bank by bank."""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.x509 import load_pem_x509_certificate

from banks.signatures import acb_authorization, is_rsa_signature, key_matches, rsa_signature
from banks.simulator import keys
from banks.techcombank_envelope import opened, sealed, signature, signed_by
from tests.bench.measure import Figure

WITHIN_S = 0.4
BODY = b'{"transactionTraceNumber":"SOCAI000000001","amount":"200000","remarks":"Chi tra SOCAI000000001"}' * 6


def _micros(work: Callable[[], object]) -> float:
    """Microseconds of one call."""
    work()
    done, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < WITHIN_S:
        work()
        done += 1
    return 1e6 * spent / done


def figures() -> list[Figure]:
    """A figure an operation, against one bare RSA-2048 signature of the library."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    certificate = load_pem_x509_certificate(keys.certificate(key, "SOCAI", "maker").encode())
    text = BODY.decode()
    made, twice = rsa_signature(BODY, key, "sha256"), signature(BODY, key)
    gcm, cbc = sealed(BODY, key.public_key(), "gcm"), sealed(BODY, key.public_key(), "cbc")
    bare = _micros(lambda: rsa_signature(b"", key, "sha256"))
    costs: tuple[tuple[str, Callable[[], object]], ...] = (
        ("acb: an order authorized by one of two signers (CMS)", lambda: acb_authorization(BODY, key, certificate)),
        ("acb: the key of a notice compared", lambda: key_matches([text[:40]], [text[:40], text[:41]])),
        ("mb, vietinbank: a body signed (SHA-256)", lambda: rsa_signature(BODY, key, "sha256")),
        (
            "mb, vietinbank: a notice checked (SHA-256)",
            lambda: is_rsa_signature(made, BODY, [key.public_key()], "sha256"),
        ),
        ("vietinbank: a body of the disbursement family signed (SHA-1)", lambda: rsa_signature(BODY, key, "sha1")),
        ("techcombank: a request signed (twice hashed)", lambda: signature(BODY, key)),
        ("techcombank: a callback checked", lambda: signed_by(BODY, twice, key.public_key())),
        ("techcombank: a request sealed (GCM)", lambda: sealed(BODY, key.public_key(), "gcm")),
        ("techcombank: an answer opened (GCM)", lambda: opened(gcm, key, "gcm")),
        ("techcombank: an answer opened (CBC)", lambda: opened(cbc, key, "cbc")),
    )
    return [Figure(name, "µs", _micros(work), bare) for name, work in costs]
