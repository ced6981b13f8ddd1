"""What MB's corporate bank may change one day; what it shares with MB changes alike."""

from __future__ import annotations

from tests.banks.drifting import Planted
from tests.banks.mb.drifts import READS

DRIFTS = [
    *READS,
    Planted("status", b"executedsuccesfully", b"executedsuccessfully", "status"),
    Planted("status", b'"DEDUCTED"', b'"BOOKED"', "transactions[].bookingStatus"),
    Planted("status", b'"SUCCESS"', b'"DONE"', "transactions[].status"),
    Planted("status", b'"transactions"', b'"rows"', "transactions"),
    Planted("status", b'"responseCode"', b'"code"', "$"),
    Planted("transfer", b'"totalAmount":"200,000"', b'"totalAmount":{"v":"200,000"}', "totalAmount"),
    Planted("transfer", b'"responseCode":"00"', b'"responseCode":"OK"', "result.responseCode"),
    Planted("transfer", b'{"result"', b'["result"', "$"),
]
