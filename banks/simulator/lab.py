"""The bank lab: every bank a customer is enrolled at, each on its own port, with one control port and a page for all.

The control port of the bank CODE is found below `/CODE/` here (control.py); `GET /` is the page and `GET /banks` the
list of banks.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

import msgspec
from flask import Flask, Response
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from banks.simulator.enrolment import BANK_FILE, Enrolment, customer_rows, enrol, write_rows
from banks.simulator.personality import personalities, personality
from banks.simulator.refusals import Unusable
from banks.simulator.same_site import keep_out_other_sites
from banks.simulator.simulator import LOOPBACK, POLL_S, Simulator, serve

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PAGE: Final = "data/lab.html"


def enrol_all(keys: Path, wanted: dict[str, Enrolment]) -> bool:
    """Enrol a customer at each bank (by code) below `keys`/CODE, and write all his rows to `keys`/accounts.json; true
    when something was written. Raises Unusable.
    """
    written = [enrol(keys / code, personality(code), enrolment) for code, enrolment in sorted(wanted.items())]
    if any(written) or not (keys / "accounts.json").exists():
        write_rows(keys, [row for code in sorted(wanted) for row in customer_rows(keys / code)])
        return True
    return False


class Lab:
    """The banks enrolled below `keys`, between `start` and `stop` (or as a context manager), once.

    Each listens at the port of its enrolled address; `control_port` 0 takes a free one. `webhook_url`, `feed_url` and
    `state` are as in Simulator, a directory of memory for each bank below `state`. Raises Unusable.
    """

    def __init__(
        self,
        keys: Path,
        *,
        host: str = LOOPBACK,
        control_port: int = 0,
        webhook_url: str | None = None,
        feed_url: str | None = None,
        state: Path | None = None,
    ) -> None:
        codes = [code for code in personalities() if (keys / code / BANK_FILE).exists()]
        if not codes:
            raise Unusable(
                f"nobody is enrolled in {keys}; run: python -m banks.simulator enrol --keys DIR --bank CODE=URL"
            )
        self.banks = {
            code: Simulator(
                keys / code,
                code,
                host=host,
                port=None,
                control_port=None,
                webhook_url=webhook_url,
                feed_url=feed_url,
                state=state / code if state is not None else None,
            )
            for code in codes
        }
        app = Flask("bank_lab", static_folder=None)
        app.add_url_rule("/", "page", _page)
        app.add_url_rule("/banks", "banks", self._list)
        keep_out_other_sites(app)
        mounts: dict[str, WSGIApplication] = {f"/{code}": bank.control for code, bank in self.banks.items()}
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)  # type: ignore[method-assign]
        self._server = serve(app, host, control_port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_S,), name="lab", daemon=True)
        self._running = ExitStack()

    @property
    def control_url(self) -> str:
        """Where the page and, below the code of each bank, its control port are."""
        return f"http://{self._server.host}:{self._server.port}"

    def _list(self) -> Response:
        rows = [
            {"code": code, "name": personality(code).profile.name, "url": bank.url, "control": f"/{code}"}
            for code, bank in self.banks.items()
        ]
        return Response(msgspec.json.encode(rows), mimetype="application/json")

    def start(self) -> None:
        """Serve every bank."""
        for bank in self.banks.values():
            self._running.enter_context(bank)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close all books."""
        self._server.shutdown()
        self._thread.join()
        self._running.close()

    def __enter__(self) -> Lab:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _page() -> Response:
    text = resources.files("banks.simulator").joinpath(PAGE).read_text(encoding="utf-8")
    page = Response(text, mimetype="text/html")
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src {_hashes(text, 'script')}; style-src {_hashes(text, 'style')}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page


def _hashes(page: str, tag: str) -> str:
    """The source list that allows what stands in these tags of `page` and nothing else."""
    inside = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in inside)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
