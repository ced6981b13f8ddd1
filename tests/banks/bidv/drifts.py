"""What BIDV, as the example has it, may change one day."""

from __future__ import annotations

from tests.banks.drifting import Planted

DRIFTS = [
    Planted("balance", b'"current":"1000000"', b'"current":"1.0M"', "data.current"),
    Planted("name", b'"active":true', b'"active":"yes"', "code, data.name, data.active"),
    Planted("history", b"2025-01-15T10:30:00", b"15/01/2025 10:30", "time"),
    Planted("history", b'"direction":"C"', b'"direction":"IN"', "direction"),
    Planted("history", b'"rows"', b'"list"', "rows"),
    Planted("status", b'"DONE"', b'"PAID"', "data.state"),
    Planted("status", b'"code":"00"', b'"code":"OK"', "code"),
    Planted("transfer", b'"PENDING"', b'"TAKEN"', "data.state"),
    Planted("transfer", b'{"code"', b'["code"', "$"),
    Planted("webhook", b'"amount":"150000"', b'"amount":["150000"]', "amount"),
    Planted("webhook", b'"trace"', b'"number"', "trace"),
]
