"""What VietinBank may change one day. (A balance is signed for its request, so it is changed in a test of its own.)"""

from __future__ import annotations

from tests.banks.drifting import Planted

DRIFTS = [
    Planted("name", b'"active": "true"', b'"active": "yes"', "active"),
    Planted("name", b'"accountName"', b'"name"', "accountName"),
    Planted("history", b"20250115103000", b"2025-01-15T10:30", "transTime", "credits"),
    Planted("history", b'"transType": "C"', b'"transType": "CR"', "transType", "credits"),
    Planted("history", b'"amount": "150000"', b'"amount": ["150000"]', "amount", "credits"),
    Planted("history", b'"records": [', b'"rows": [', "records", "credits"),
    Planted("status", b'"status": "00"', b'"status": "DONE"', "records[].status"),
    Planted("status", b'"status": "00"', b'"status": 0', "records[].status"),
    Planted("status", b'"records"', b'"rows"', "records"),
    Planted("status", b'"code": "1"', b'"code": "one"', "status.code"),
    Planted("transfer", b'"code": "1"', b'"code": "one"', "status.code"),
    Planted("transfer", b'{"requestId"', b'["requestId"', "$"),
    Planted("webhook", b'"msgType": "1200"', b'"msgType": "1300"', "header.msgType"),
    Planted("webhook", b'"msgId"', b'"id"', "header.msgId"),
]
