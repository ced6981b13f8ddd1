"""A real Redis on loopback that keeps nothing on disk and evicts nothing: a doorbell, as in production."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import redis

from local.found import redis_server
from local.processes import Process, free_port


class RedisServer(Process):
    """One Redis server; `start()` waits until it answers. `port` is taken when free, any free one otherwise."""

    def __init__(self, directory: Path, *, port: int | None = None) -> None:
        self.port = free_port(port)
        self._directory = directory
        command = [str(redis_server()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
        super().__init__(f"redis:{self.port}", command, directory / "redis.log")

    @property
    def url(self) -> str:
        """URL of the server, without a database number (0 is used)."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        super().start()
        self.wait_until(self._answers)
        return self

    def _answers(self) -> bool:
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
