"""Oracle's MySQL beside MariaDB: fetched once from Debian's packages, unpacked privately, the system left as it is.

    SOCAI_MYSQLD=$(./socai mysql) make test

Debian's releases have MariaDB only; sid has MySQL. apt runs with folders, sources and a state of its own, so it needs
no root and installs nothing: it only says which packages belong together, fetches them and checks their signatures.
The program is started through the loader and with the libraries it was built for, whatever this machine has.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.found import MYSQLD, ServerMissing

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".run" / "mysql-debian"

MIRROR = "http://deb.debian.org/debian"
"""Everything from it is signed, so no TLS is needed."""

MIRROR_VARIABLE = "SOCAI_DEBIAN_MIRROR"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGE = "mysql-server-core"
STEP_S = 900.0
"""The longest one step may take: 70 MB are fetched, 330 MB unpacked."""

_SETTINGS = """
Dir "{folder}";
Dir::Etc "{folder}/etc";
Dir::Etc::sourcelist "{folder}/etc/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::State::lists "{folder}/lists";
Dir::Cache "{folder}";
Dir::Cache::archives "{folder}/archives";
Dir::Log "{folder}";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
"""

_PROGRAM = """#!/bin/sh
# MySQL of Debian sid, with the loader and the libraries of Debian sid. --no-defaults must come first if at all.
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
exec "$here/{loader}" --inhibit-cache --library-path "$here/{libraries}" "$here/usr/sbin/mysqld" "$@" \\
  --basedir="$here/usr"
"""


def mysqld_of_debian(folder: Path = FOLDER, *, environment: Mapping[str, str] = os.environ) -> Path:
    """The server program of Oracle's MySQL under `folder`, fetched when it is not there yet.

    `environment` is that of apt and dpkg, and may name another mirror (SOCAI_DEBIAN_MIRROR). Interrupted, it begins
    anew; of several at once one fetches and the others wait. Raises ServerMissing, with the cure, where there is no
    apt, no mirror or no processor Debian has MySQL for.
    """
    program = folder / "mysqld"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f"{folder.name}.lock")):
        beside = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(beside, ignore_errors=True)
        if not program.is_file():
            _must_have(environment)
            shutil.rmtree(folder, ignore_errors=True)
            _Fetch(beside, environment, folder.with_name(f"{folder.name}.log")).all()
            (beside / "root").rename(folder)
            shutil.rmtree(beside)
    return program


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Nobody else works here meanwhile; the kernel lets go for those who are killed."""
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _must_have(environment: Mapping[str, str]) -> None:
    """Raises ServerMissing where packages of Debian cannot be fetched or checked at all."""
    for name in ("apt-get", "apt-config", "dpkg-deb"):
        if shutil.which(name, path=environment.get("PATH", os.defpath)) is None:
            raise ServerMissing(
                f"{name} is missing, without which MySQL cannot be fetched from Debian: install MySQL 8.4 or later"
                f" yourself and name its server, {MYSQLD}=/path/to/mysqld."
            )
    if not KEYRING.is_file():
        raise ServerMissing(
            "The keys of Debian's packages are missing: sudo apt-get install -y debian-archive-keyring."
        )


class _Fetch:
    """One attempt under `folder`, which is empty; `log` takes what the programs say."""

    def __init__(self, folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self._folder = folder
        self._mirror = environment.get(MIRROR_VARIABLE) or MIRROR
        self._settings = folder / "etc" / "apt.conf"
        self._environment = {**environment, "APT_CONFIG": str(self._settings), "LC_ALL": "C"}
        self._machine = dict(environment)
        self._log = log

    def all(self) -> None:
        """Leaves the unpacked tree with its program in `root`, tried out. Raises ServerMissing."""
        self._log.unlink(missing_ok=True)
        self._arrange()
        no_mirror = (
            "Debian's packages of MySQL could not be fetched: is a mirror in reach? Name another one by"
            f" {MIRROR_VARIABLE}=http://…, or a server of your own by {MYSQLD}=/path/to/mysqld."
        )
        self._run(["apt-get", "update"], no_mirror)
        self._run(["apt-get", "install", "-y", "--download-only", "--no-install-recommends", PACKAGE], no_mirror)
        root = self._folder / "root"
        root.mkdir()
        for package in sorted((self._folder / "archives").glob("*.deb")):
            self._run(["dpkg-deb", "-x", str(package), str(root)], "A package of Debian could not be unpacked.")
        program = self._program(root)
        self._run([str(program), "--version"], "Debian's MySQL was unpacked but does not run on this machine.")

    def _arrange(self) -> None:
        """The private folders and settings of apt; how to reach a mirror (proxies, say) is as for this machine."""
        for name in ("etc/preferences.d", "etc/apt.conf.d", "lists/partial", "archives/partial"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "status").touch()
        (self._folder / "etc" / "sources.list").write_text(f"deb [signed-by={KEYRING}] {self._mirror} sid main\n")
        own = subprocess.run(
            ["apt-config", "dump", "Acquire"], env=self._machine, capture_output=True, text=True, check=False
        ).stdout
        self._settings.touch(mode=0o600)
        self._settings.write_text(own + _SETTINGS.format(folder=self._folder))

    def _program(self, root: Path) -> Path:
        """Write the script that starts the server, by paths relative to its own: the tree will be moved."""
        loaders = sorted(root.glob("usr/lib/*-linux-gnu*/ld-linux*.so.*"))
        if not loaders:
            raise ServerMissing(
                f"Debian's packages hold no loader: name a server of your own, {MYSQLD}=/path/to/mysqld."
            )
        loader = loaders[0].relative_to(root)
        program = root / "mysqld"
        program.write_text(_PROGRAM.format(loader=loader, libraries=loader.parent))
        program.chmod(0o755)
        return program

    def _run(self, command: Sequence[str], otherwise: str) -> None:
        """Run to the end. Raises ServerMissing with the sentence `otherwise` when it fails or takes too long."""
        with self._log.open("ab") as log:
            try:
                subprocess.run(
                    command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    check=True,
                    timeout=STEP_S,
                )
            except (OSError, subprocess.SubprocessError) as fault:
                raise ServerMissing(f"{otherwise} (What was said is in {self._log}.)") from fault


def main() -> int:
    """Print the path of the server program; a fault is a sentence on stderr and exit status 1."""
    try:
        print(mysqld_of_debian())
    except ServerMissing as fault:
        print(fault, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
