"""What the application server loads in each of its processes: the application over what the environment names."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import sys
from datetime import UTC, datetime

from flask import Flask

from ledger.json_lines import log_json_lines
from ledger.settings import read_settings
from web.app import create_app
from web.wiring import open_services

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal this process gets when its parent dies."""


def application() -> Flask:
    """The application; this process logs JSON lines from now on. Raises SettingsInvalid, InvalidBankAccounts."""
    log_json_lines()
    _end_with_the_server()
    settings = read_settings(os.environ)
    return create_app(open_services(settings, lambda: datetime.now(UTC), secrets.token_bytes))


def _end_with_the_server() -> None:
    """A killed server would leave this process serving on its port, beside the next server, with old code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
