"""`seal` and `rotate-master` on the command line."""

from __future__ import annotations

import io
import secrets
from base64 import b64encode
from pathlib import Path

import pytest

from banks.__main__ import main
from banks.sealing import Sealer
from tests.banks.test_accounts import entry, written
from tests.banks.test_seal_file import NEW, OLD, client_secret, replaced


def run(*arguments: str) -> tuple[int, str, str]:
    outward, faults = io.StringIO(), io.StringIO()
    status = main(arguments, io.StringIO(), outward, faults)
    return status, outward.getvalue(), faults.getvalue()


def test_the_command_line_seals_and_rotates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, entry())
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b64encode(OLD))
    new.write_bytes(b64encode(NEW))
    monkeypatch.setenv("EVENT_STORE_URL", "sqlite:///unused")
    monkeypatch.delenv("SOCAI_MASTER_KEY_FILE", raising=False)
    monkeypatch.setenv("SOCAI_MASTER_KEY", "short")
    assert run("seal", str(path))[0] == 1
    monkeypatch.setenv("SOCAI_MASTER_KEY", b64encode(OLD).decode())
    assert run("seal", str(path)) == (0, "1 accounts sealed\n", "")
    assert client_secret(path) == "planted-secret"
    assert run("rotate-master", str(path), str(old), str(new)) == (0, "1 sealed under the new master key\n", "")
    assert client_secret(path, Sealer([NEW], secrets.token_bytes)) == "planted-secret"
    replaced(path, client_secret="planted-second")
    status, said, fault = run("seal", str(path))
    assert (status, said) == (1, "")
    assert "master key that is not here" in fault
    monkeypatch.setenv("SOCAI_MASTER_KEY_FILE", str(new))
    assert run("seal", str(path), "--overlap-h", "1")[0] == 0
    assert client_secret(path, Sealer([NEW], secrets.token_bytes)) == "planted-second"


@pytest.mark.parametrize("hours", ["-1", "x", "1.5", "2161"])
def test_an_impossible_overlap_is_refused(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("seal", "accounts.json", "--overlap-h", hours)
    assert "from 0 to 2160" in capsys.readouterr().err
