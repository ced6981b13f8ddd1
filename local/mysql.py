"""A real MariaDB or MySQL on loopback, in a directory of its own, with a user of its own over TCP.

with SqlServer(directory, password=...) as sql:
    sql.create_schema("read_tables")
    sql.url_of("read_tables")     # mysql+mysqlconnector://...?charset=utf8mb4&collation=utf8mb4_unicode_520_ci
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

import sqlalchemy
from sqlalchemy.exc import DBAPIError

from local.found import MYSQLD, ServerMissing, beside, mysqld
from local.processes import NotReady, Process, free_port, listens, tail

COLLATION = "utf8mb4_unicode_520_ci"
"""Known to MySQL 8 and 9 and to MariaDB 10 and 11, and compares Vietnamese as people search it."""

USER = "socai"


class SqlServer(Process):
    """One MariaDB or MySQL server under `directory`; `start()` initialises it once and waits until it answers.

    `password` belongs to the user `socai`; `port` is taken when free, any free one otherwise; `binary` is the server
    program, the one of this machine when left out; `pool_mb`: megabytes of tables it keeps in memory. Raises
    ServerMissing when there is none.
    """

    def __init__(
        self,
        directory: Path,
        *,
        password: str,
        port: int | None = None,
        binary: Path | None = None,
        pool_mb: int = 64,
    ) -> None:
        self.binary = binary or mysqld()
        self.port = free_port(port)
        self.data = directory / "data"
        self._password = password
        self._users = directory / "users.sql"
        version = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout
        self.is_mariadb = "mariadb" in version.lower()
        command = [*self._base(), "--bind-address=127.0.0.1", f"--port={self.port}", f"--init-file={self._users}"]
        # A server that starts empties the folder of temporary tables, also of those another server is using.
        self._temporary = directory / "tmp"
        command.append(f"--tmpdir={self._temporary}")
        # A relative socket lies in the data directory: its path cannot be too long.
        command += ["--socket=mysql.sock", f"--pid-file={directory / 'mysqld.pid'}", "--skip-name-resolve"]
        command += ["--character-set-server=utf8mb4", f"--collation-server={COLLATION}", "--max-connections=200"]
        command += [f"--innodb-buffer-pool-size={pool_mb}M", "--skip-log-bin", "--performance-schema=OFF"]
        command += [] if self.is_mariadb else ["--mysqlx=0", "--secure-file-priv=NULL"]
        super().__init__(f"mysqld:{self.port}", command, directory / "mysqld.log")

    @property
    def url(self) -> str:
        """URL of the server itself, without a schema."""
        return self.url_of("")

    def url_of(self, schema: str) -> str:
        """SQLAlchemy URL of one schema."""
        where = f"{USER}:{self._password}@127.0.0.1:{self.port}/{schema}"
        return f"mysql+mysqlconnector://{where}?charset=utf8mb4&collation={COLLATION}"

    def start(self) -> Self:
        if not (self.data / "mysql").is_dir():
            self._initialise()
        self._must_be_ours()
        self._temporary.mkdir(exist_ok=True)
        self._write_users()
        super().start()
        self.wait_until(lambda: listens(self.port) and self._answers())
        return self

    def create_schema(self, schema: str) -> str:
        """Make an empty schema where there is none, and return its URL."""
        create_schema(self.url, schema)
        return self.url_of(schema)

    def _base(self) -> list[str]:
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        return [str(self.binary), "--no-defaults", f"--datadir={self.data}", *as_root]

    def _initialise(self) -> None:
        """Make the data directory beside and move it into place, so that an interrupted start leaves nothing half."""
        fresh = self.data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        if self.is_mariadb:
            script = beside(self.binary, "mariadb-install-db", "mysql_install_db")
            if script is None:
                raise ServerMissing("mariadb-install-db is missing: sudo apt-get install -y mariadb-server-core.")
            command = [str(script), "--skip-test-db", "--auth-root-authentication-method=normal", *self._base()[1:]]
        else:
            command = [*self._base(), "--initialize-insecure"]
        command = [part.replace(f"--datadir={self.data}", f"--datadir={fresh}") for part in command]
        with self.log.open("ab") as log:
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False).returncode:
                raise NotReady(f"The data directory of {self.name} could not be made.\n{tail(self.log)}")
        shutil.rmtree(self.data, ignore_errors=True)
        fresh.rename(self.data)

    def _must_be_ours(self) -> None:
        """Raises NotReady for data of the other make of server, before ours spoils them."""
        # MySQL keeps its dictionary in this file, MariaDB has none.
        if (self.data / "mysql.ibd").is_file() == self.is_mariadb:
            mine, other = ("MariaDB", "MySQL") if self.is_mariadb else ("MySQL", "MariaDB")
            raise NotReady(
                f"The data of {self.name} were made by {other}, and this is {mine}: name the server they were made"
                f" with ({MYSQLD}=/path/to/server), or begin anew (make down; rm -rf .run)."
            )

    def _write_users(self) -> None:
        """The statements the server runs at every start: our user may do everything, from 127.0.0.1 only."""
        who = f"'{USER}'@'127.0.0.1'"
        self._users.touch(mode=0o600)
        self._users.write_text(
            f"CREATE USER IF NOT EXISTS {who} IDENTIFIED BY '{self._password}';\n"
            f"ALTER USER {who} IDENTIFIED BY '{self._password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO {who} WITH GRANT OPTION;\n"
        )

    def _answers(self) -> bool:
        try:
            _run(self.url, "SELECT 1")
        except DBAPIError:
            return False
        return True


def create_schema(server_url: str, schema: str) -> None:
    """Make an empty schema on any server, with our character set. `server_url` is a SQLAlchemy URL."""
    _run(server_url, f"CREATE DATABASE IF NOT EXISTS `{schema}` CHARACTER SET utf8mb4 COLLATE {COLLATION}")


def drop_schema(server_url: str, schema: str) -> None:
    """Remove a schema and everything in it."""
    _run(server_url, f"DROP DATABASE IF EXISTS `{schema}`")


def _run(url: str, statement: str) -> None:
    engine = sqlalchemy.create_engine(url, hide_parameters=True, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()
