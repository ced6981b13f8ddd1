"""`new`: a bank that was just written passes the contract."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from banks import new_bank
from ledger.errors import InvalidField, UnknownBank
from tests.architecture import ROOT

LONGEST = "abcdefghijklmnop"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the generator and the contract need of the source tree."""
    shutil.copytree(ROOT / "banks", tmp_path / "banks", ignore=shutil.ignore_patterns("simulator", "__pycache__"))
    (tmp_path / "tests" / "banks").mkdir(parents=True)
    for name in ("contract.py", "http_server.py", "test_bank.py", "test_bidv.py"):
        shutil.copy(ROOT / "tests" / "banks" / name, tmp_path / "tests" / "banks")
    shutil.copytree(ROOT / "tests" / "banks" / "bidv", tmp_path / "tests" / "banks" / "bidv")
    for name in ("ledger", "setup.cfg", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=tree, env=environment, capture_output=True, text=True, timeout=90
    )


def contract(tree: Path, name: str, which: str = "") -> subprocess.CompletedProcess[str]:
    tests = ("tests/banks/test_bank.py", f"tests/banks/test_{name}.py")
    return run(tree, "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", name + which)


def test_a_bank_just_written_passes_the_contract_and_a_fault_in_it_is_caught(tree: Path) -> None:
    done = run(tree, "banks", "new", "vpbank")
    assert done.returncode == 0, done.stderr
    assert "vpbank: VPBank (BIN 970432)" in done.stdout
    tested = contract(tree, "vpbank")
    assert tested.returncode == 0, tested.stdout
    assert int(tested.stdout.rsplit(" passed", 1)[0].split()[-1]) > 60
    adapter = tree / "banks" / "vpbank.py"
    adapter.write_text(adapter.read_text().replace("return Unknown(str(error))", 'return NotSent("")'))
    assert contract(tree, "vpbank", " and (half or closed)").returncode == 1


def test_what_is_written_keeps_the_form_of_the_house_whatever_its_name(tree: Path) -> None:
    said = new_bank.write(LONGEST, "970423", tree)
    assert "Abcdefghijklmnop(Bank)" in (tree / "banks" / f"{LONGEST}.py").read_text()
    assert f"  tests/banks/{LONGEST}/rig.py\n" in said
    written = [str(path) for path in tree.rglob("*.py") if LONGEST in str(path.relative_to(tree))]
    assert len(written) == 4
    assert not [path for path in written if "bidv" in Path(path).read_text().lower()]
    for check in (("check", "--no-cache"), ("format", "--no-cache", "--check")):
        ruff = run(tree, "ruff", *check, *written)
        assert ruff.returncode == 0, ruff.stdout


@pytest.mark.parametrize(
    "name",
    ["", "x", "VPBank", "vp_bank", "1bank", "class", f"{LONGEST}q", "acb", "transport", "data", "contract", "money"],
)
def test_a_name_that_cannot_be_used_or_is_taken_writes_nothing(tree: Path, name: str) -> None:
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    with pytest.raises(InvalidField):
        new_bank.write(name, "970432", tree)
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_a_bank_of_no_list_or_outside_the_tree_is_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="--bin"):
        new_bank.write("nobank", None, tree)
    with pytest.raises(UnknownBank):
        new_bank.write("nobank", "000000", tree)
    with pytest.raises(InvalidField, match="source tree"):
        new_bank.write("vpbank", None, tmp_path / "elsewhere")
