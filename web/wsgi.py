"""What the application server loads in each of its processes: the application over what the environment names."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime

from flask import Flask

from ledger.json_lines import log_json_lines
from ledger.settings import read_settings
from web.app import create_app
from web.wiring import open_services


def application() -> Flask:
    """The application; this process logs JSON lines from now on. Raises SettingsInvalid, InvalidBankAccounts."""
    log_json_lines()
    settings = read_settings(os.environ)
    return create_app(open_services(settings, lambda: datetime.now(UTC), secrets.token_bytes))
