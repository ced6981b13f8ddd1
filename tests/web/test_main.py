"""`python -m web` serves until it is told to stop, and says at once what is wrong with its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from time import monotonic, sleep

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from local.processes import free_port
from tests.banks.acb.rig import WEBHOOK_KEY, account
from tests.web.stage import BANK_ACCOUNT, MASTER_KEY, notice

ROOT = Path(__file__).parents[2]


def accounts_file(directory: Path) -> Path:
    """A file of our bank accounts, as an enrolment writes it."""
    known = account("http://127.0.0.1:9")
    entry = {
        "id": BANK_ACCOUNT,
        "bank": known.bank,
        "account_number": known.account_number,
        "holder": known.holder,
        "base_url": known.base_url,
        "token_url": known.token_url,
        "client_id": known.client_id,
        "client_secret": known.client_secret.reveal(),
        "provider_id": known.provider_id,
        "webhook_key": WEBHOOK_KEY,
        "signers": [
            {
                "authorization_id": signer.authorization_id,
                "private_key_pem": signer.private_key.private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                ).decode(),
                "certificate_pem": signer.certificate.public_bytes(Encoding.PEM).decode(),
            }
            for signer in known.signers
        ],
    }
    file = directory / "accounts.json"
    file.write_text(json.dumps({"bank_accounts": [entry]}))
    return file


def environment(event_store_url: str, read_tables_url: str, redis_url: str, file: Path, port: int) -> dict[str, str]:
    """The variables of a web process."""
    return {
        "EVENT_STORE_URL": event_store_url,
        "READ_TABLES_URL": read_tables_url,
        "REDIS_URL": redis_url,
        "SOCAI_MASTER_KEY": MASTER_KEY,
        "SOCAI_BANK_ACCOUNTS": str(file),
        "SOCAI_WEB_PORT": str(port),
    }


def get(url: str) -> int:
    """The status of an address; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own loopback address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def test_it_serves_until_it_is_told_to_stop(
    event_store_url: str, sqlite_url: str, redis_url: str, tmp_path: Path
) -> None:
    port = free_port()
    chosen = environment(event_store_url, sqlite_url, redis_url, accounts_file(tmp_path), port)
    log = tmp_path / "web.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "web"], cwd=ROOT, env=os.environ | chosen, stdout=written, stderr=written
        )
    try:
        deadline = monotonic() + 30
        while get(f"http://127.0.0.1:{port}/live") != 200:
            assert process.poll() is None
            assert monotonic() < deadline
            sleep(0.05)
        request = urllib.request.Request(  # our own loopback address
            f"http://127.0.0.1:{port}/v1/bank-webhooks/{BANK_ACCOUNT}",
            data=notice(memo="x", amount=5_000, trace="1"),
            headers={"Authorization": WEBHOOK_KEY, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  # our own loopback address
            assert json.loads(answer.read())["responseStatus"]["responseCode"] == "00000000"
        assert get(f"http://127.0.0.1:{port}/v1/payouts") == 401
        assert get(f"http://127.0.0.1:{port}/v1/payment-intents/{planted}/qr.svg", bearer) == 500
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"_granian", "web.problems"} <= {line["logger"] for line in lines}
    assert [line["exception"] for line in lines if line["logger"] == "web.problems"] == ["KeyError"]
    assert PLANTED not in log.read_text()


def test_an_environment_that_does_not_add_up_is_said_at_once() -> None:
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(("SOCAI_", "EVENT_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "web"], cwd=ROOT, env=chosen, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "SOCAI_MASTER_KEY is missing" in ended.stderr
    assert "Traceback" not in ended.stderr
