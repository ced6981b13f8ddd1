"""`python -m web` serves until it is told to stop, and says at once what is wrong with its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from banks.acb_credentials import AcbCredentials
from local.processes import free_port
from tests.banks.acb.rig import WEBHOOK_KEY, account
from tests.web.stage import BANK_ACCOUNT, MASTER_KEY, NOWHERE, Stage, notice
from tests.web.test_notices import PLANTED, nonsense

ROOT = Path(__file__).parents[2]


def accounts_file(directory: Path) -> Path:
    """A file of our bank accounts, as an enrolment writes it."""
    known = account("http://127.0.0.1:9")
    given = known.credentials_as(AcbCredentials)
    entry = {
        "id": BANK_ACCOUNT,
        "bank": known.bank,
        "account_number": known.account_number,
        "holder": known.holder,
        "base_url": known.base_url,
        "token_url": given.token_url,
        "client_id": given.client_id,
        "client_secret": given.client_secret.reveal(),
        "provider_id": given.provider_id,
        "webhook_key": WEBHOOK_KEY,
        "signers": [
            {
                "authorization_id": signer.authorization_id,
                "private_key_pem": signer.private_key.private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                ).decode(),
                "certificate_pem": signer.certificate.public_bytes(Encoding.PEM).decode(),
            }
            for signer in given.signers
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


def get(url: str, bearer: str = "") -> int:
    """The status of an address; 0 while nobody listens."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310  # loopback
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310  # our own loopback address
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@contextmanager
def serving(chosen: Mapping[str, str], log: Path) -> Iterator[str]:
    """The address of a web process that is told to stop at the end; what it says goes to `log`."""
    address = f"http://127.0.0.1:{chosen['SOCAI_WEB_PORT']}"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "web"], cwd=ROOT, env=os.environ | chosen, stdout=written, stderr=written
        )
    try:
        deadline = monotonic() + 30
        while get(f"{address}/live") != 200:
            assert process.poll() is None, log.read_text()
            assert monotonic() < deadline
            sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0


def test_it_serves_until_it_is_told_to_stop(
    event_store_url: str, sqlite_url: str, redis_url: str, tmp_path: Path
) -> None:
    chosen = environment(event_store_url, sqlite_url, redis_url, accounts_file(tmp_path), free_port())
    with serving(chosen, tmp_path / "web.log") as address:
        request = urllib.request.Request(  # noqa: S310  # our own loopback address
            f"{address}/v1/bank-webhooks/{BANK_ACCOUNT}",
            data=notice(memo="x", amount=5_000, trace="1"),
            headers={"Authorization": WEBHOOK_KEY, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310  # our own loopback address
            assert json.loads(answer.read())["responseStatus"]["responseCode"] == "00000000"
        assert get(f"{address}/v1/payouts") == 401


def test_killed_it_leaves_nobody_serving_on_its_port(
    event_store_url: str, sqlite_url: str, redis_url: str, tmp_path: Path
) -> None:
    chosen = environment(event_store_url, sqlite_url, redis_url, accounts_file(tmp_path), free_port())
    command = [sys.executable, "-m", "web"]
    address = f"http://127.0.0.1:{chosen['SOCAI_WEB_PORT']}/live"
    deadline = monotonic() + 30
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | chosen, stderr=subprocess.DEVNULL) as process:
        while get(address) != 200:
            assert monotonic() < deadline
            sleep(0.05)
        process.kill()
    while get(address) != 0:
        assert monotonic() < deadline
        sleep(0.05)


def test_its_log_is_json_lines_that_repeat_nothing_an_exception_says(
    stage: Stage, event_store_url: str, sqlite_url: str, tmp_path: Path
) -> None:
    """An intent whose stream cannot be folded: the KeyError quotes a person's name and account number."""
    shop = stage.shop()
    intent = stage.intent(shop)["id"]
    stage.plant(intent, 2, nonsense(PLANTED))
    chosen = environment(event_store_url, sqlite_url, NOWHERE, accounts_file(tmp_path), free_port())
    log = tmp_path / "web.log"
    with serving(chosen, log) as address:
        assert get(f"{address}/v1/payment-intents/{intent}/qr.svg", shop.keys["owner"]) == 500
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"_granian", "web.problems"} <= {line["logger"] for line in lines}
    bugs = [line for line in lines if line["logger"] == "web.problems"]
    assert [(line["level"], line["exception"]) for line in bugs] == [("error", "KeyError")]
    assert any("payments.py" in place for place in bugs[0]["places"])
    assert PLANTED not in log.read_text()


def test_an_environment_that_does_not_add_up_is_said_at_once() -> None:
    chosen = {name: value for name, value in os.environ.items() if not name.startswith(("SOCAI_", "EVENT_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "web"], cwd=ROOT, env=chosen, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "SOCAI_MASTER_KEY is missing" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_url_with_a_bare_stroke_in_its_password_is_a_sentence_without_it(tmp_path: Path) -> None:
    url = "mongodb://socai:se/cret@mongodb:27017/socai"
    chosen = environment(url, "sqlite:///unused.db", NOWHERE, accounts_file(tmp_path), free_port())
    ended = subprocess.run(
        [sys.executable, "-m", "web"],
        cwd=ROOT,
        env=os.environ | chosen,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("EVENT_STORE_URL is not a MongoDB connection string")
    assert "cret" not in ended.stderr
