"""What ACB may change one day."""

from __future__ import annotations

from tests.banks.drifting import Planted

DRIFTS = [
    Planted("balance", b'"current_balance":15000000', b'"current_balance":{"v":15000000}', "data.current_balance"),
    Planted("balance", b'"currency":"VND"', b'"currency":"USD"', "data.currency"),
    Planted("history", b"2025-01-15T10:30:00+07:00", b"15/01/2025 10:30", "transactionDate"),
    Planted("history", b'"COMPLETED"', b'"SETTLED"', "transactionStatus"),
    Planted("history", b'"transactionAmount":150000', b'"transactionAmount":[1]', "transactionAmount"),
    Planted("history", b'"traceNumber"', b'"traceNo"', "traceNumber"),
    Planted("history", b'"totalPage":1', b'"totalPage":"one"', "pagination.totalPage"),
    Planted("history", b'"transactions":[', b'"rows":[', "transactions"),
    Planted("status", b'"TRAN"', b'"DONE"', "transaction.status"),
    Planted("status", b'"status":"TRAN"', b'"status":4', "transaction.status"),
    Planted("status", b'"transactionTraceNumber"', b'"traceNumber"', "transaction.transactionTraceNumber"),
    Planted("status", b'"transactions":[', b'"rows":[', "responseData.transactions"),
    Planted("status", b'"00000000"', b'"00000007"', "responseStatus.responseCode"),
    Planted("transfer", b'"ORIG"', b'"TAKEN"', "transaction.status"),
    Planted("transfer", b'"transaction":{', b'"order":{', "transaction.transactionTraceNumber"),
    Planted("transfer", b'"00000000"', b'"00000007"', "responseStatus.responseCode"),
    Planted("transfer", b'{"responseDateTime"', b'["responseDateTime"', "$"),
    Planted("webhook", b"2025-01-15T10:30:00+07:00", b"15/01/2025 10:30", "transactionDate"),
    Planted("webhook", b'"effectiveDate":"2025-01-15"', b'"effectiveDate":"15/01/2025"', "effectiveDate"),
    Planted("webhook", b'"COMPLETED"', b'"SETTLED"', "transactionStatus"),
    Planted("webhook", b'"amount":150000', b'"amount":{"v":150000}', "amount"),
    Planted("webhook", b'"transactionEntityAttribute"', b'"entity"', "transactionEntityAttribute"),
    Planted("webhook", b"TRANSACTION_UPDATE", b"MOVEMENT", "requestMeta.requestCode"),
]
