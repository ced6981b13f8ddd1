"""`python -m web`: serve the interface on SOCAI_WEB_HOST and SOCAI_WEB_PORT until told to stop.

One process with many threads: their appends to the log travel together, and that is where a command's time goes.
"""

from __future__ import annotations

import os
import secrets
import sys

from eventsourcing.persistence import InterfaceError
from granian import Granian
from granian.constants import Interfaces
from granian.http import HTTP1Settings

from banks.registry import load_accounts
from banks.sealing import open_sealer
from ledger.errors import InvalidBankAccounts
from ledger.event_log import provider
from ledger.json_lines import log_json_lines
from ledger.settings import SettingsInvalid, read_settings
from web.log_lines import SERVER_LOG

THREADS = 32
BACKLOG = 256
HEADERS_WITHIN_MS = 10_000
STOP_WITHIN_S = 20


def main() -> int:
    """Serve; 2 when the settings do not add up."""
    log_json_lines()
    try:
        settings = read_settings(os.environ)
        sealer = open_sealer(settings.master_key, settings.master_key_file, secrets.token_bytes)
        load_accounts(settings.bank_accounts, sealer)
        # The serving process would tell of a bad URL with a traceback.
        provider(settings.event_store_url).close()
    except (SettingsInvalid, InvalidBankAccounts, InterfaceError) as error:
        print(error, file=sys.stderr)
        return 2
    Granian(
        "web.wsgi:application",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.web_host,
        port=settings.web_port,
        workers=1,
        blocking_threads=THREADS,
        backlog=BACKLOG,
        websockets=False,
        log_dictconfig=SERVER_LOG,
        http1_settings=HTTP1Settings(header_read_timeout=HEADERS_WITHIN_MS),
        workers_kill_timeout=STOP_WITHIN_S,
    ).serve()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
