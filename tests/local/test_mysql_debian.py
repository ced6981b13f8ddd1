"""Oracle's MySQL is fetched once and whole, leaves the system alone, and says what is missing where it cannot be.

`make torture NAME=mysql` fetches the real one. Here apt and dpkg are replaced by programs that bring packages at once.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local import mysql_debian
from local.found import ServerMissing
from local.mysql_debian import mysqld_of_debian

APT_GET = """#!/bin/sh
echo "$1" >> "$CALLS"
[ "$1" = update ] || : > "$(dirname "$APT_CONFIG")/../archives/mysql.deb"
"""

DPKG_DEB = """#!/bin/sh
mkdir -p "$3/usr/lib/x86_64-linux-gnu" "$3/usr/sbin"
printf '#!/bin/sh\\nshift 3\\nexec "$@"\\n' > "$3/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
printf '#!/bin/sh\\necho "Ver 9.7.4" "$@"\\n' > "$3/usr/sbin/mysqld"
chmod +x "$3"/usr/*/mysqld "$3"/usr/lib/*/*
"""

WRITTEN = ["Dir::State", "Dir::State::lists", "Dir::State::status", "Dir::Cache", "Dir::Cache::archives", "Dir::Log"]
"""What apt calls the places it writes to (apt.conf(5))."""

Fetch = Callable[[], Path]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with an apt-get and a dpkg-deb that always succeed."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, text in {"apt-get": APT_GET, "dpkg-deb": DPKG_DEB, "apt-config": "#!/bin/sh\n"}.items():
        write(folder / name, text)
    return folder


def write(program: Path, text: str) -> None:
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def fetch(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """Fetches with these programs into a folder of its own."""
    monkeypatch.setattr(mysql_debian, "KEYRING", programs / "apt-get")
    environment = {"PATH": f"{programs}:{os.defpath}", "CALLS": str(tmp_path / "calls")}
    return lambda: mysqld_of_debian(tmp_path / "mysql", environment=environment)


def test_a_second_wish_fetches_nothing(fetch: Fetch, tmp_path: Path) -> None:
    first = fetch()
    assert fetch() == first
    assert (tmp_path / "calls").read_text().split() == ["update", "install"]
    assert not (tmp_path / "mysql.new").exists()


def test_the_program_runs_wherever_the_folder_is_moved(fetch: Fetch, tmp_path: Path) -> None:
    moved = tmp_path / "another place"
    fetch().parent.rename(moved)
    said = subprocess.run([moved / "mysqld", "--no-defaults"], capture_output=True, text=True, check=True).stdout
    assert said == f"Ver 9.7.4 --no-defaults --basedir={moved}/usr\n"


def test_an_interrupted_unpacking_leaves_nothing_in_place_and_is_done_anew(
    fetch: Fetch, programs: Path, tmp_path: Path
) -> None:
    write(programs / "dpkg-deb", DPKG_DEB + "kill -9 $$\n")
    with pytest.raises(ServerMissing, match="could not be unpacked"):
        fetch()
    assert not (tmp_path / "mysql").exists()
    write(programs / "dpkg-deb", DPKG_DEB)
    assert fetch().is_file()


def test_a_program_that_does_not_run_here_is_not_put_in_place(fetch: Fetch, programs: Path, tmp_path: Path) -> None:
    write(programs / "dpkg-deb", DPKG_DEB.replace("exec", "exit 1;"))
    with pytest.raises(ServerMissing, match="does not run on this machine"):
        fetch()
    assert not (tmp_path / "mysql").exists()


def test_packages_without_a_loader_are_told(fetch: Fetch, programs: Path) -> None:
    write(programs / "dpkg-deb", "#!/bin/sh\n")
    with pytest.raises(ServerMissing, match="SOCAI_MYSQLD"):
        fetch()


def test_without_a_mirror_it_is_said_how_to_name_another(fetch: Fetch, programs: Path, tmp_path: Path) -> None:
    write(programs / "apt-get", "#!/bin/sh\necho 'Could not resolve'\nexit 100\n")
    with pytest.raises(ServerMissing, match="SOCAI_DEBIAN_MIRROR") as told:
        fetch()
    assert "deb.debian.org" not in str(told.value)
    assert (tmp_path / "mysql.log").read_text() == "Could not resolve\n"


def test_without_apt_it_is_said_what_else_can_be_done(tmp_path: Path) -> None:
    with pytest.raises(ServerMissing, match=r"apt-get is missing.*SOCAI_MYSQLD"):
        mysqld_of_debian(tmp_path / "mysql", environment={"PATH": str(tmp_path)})


def test_without_the_keys_nothing_is_fetched(fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mysql_debian, "KEYRING", tmp_path / "none")
    with pytest.raises(ServerMissing, match="debian-archive-keyring"):
        fetch()
    assert not (tmp_path / "calls").exists()


@pytest.mark.skipif(shutil.which("apt-config") is None, reason="there is no apt here")
def test_apt_keeps_whatever_it_writes_to_the_folder(fetch: Fetch, programs: Path, tmp_path: Path) -> None:
    """Asked of the real apt: every place it writes to, under the settings that our apt-get was given."""
    write(programs / "apt-get", '#!/bin/sh\ncp "$APT_CONFIG" "$CALLS"\nexit 1\n')
    with pytest.raises(ServerMissing):
        fetch()
    asked = [word for n, place in enumerate(WRITTEN) for word in (f"place{n}", f"{place}/f")]
    environment = {"APT_CONFIG": str(tmp_path / "calls"), "PATH": os.defpath}
    said = subprocess.run(
        ["apt-config", "shell", *asked], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert said.count(f"='{tmp_path}/mysql.new") == len(WRITTEN), said
