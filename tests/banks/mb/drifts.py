"""What MB may change one day."""

from __future__ import annotations

from tests.banks.drifting import Planted

READS = [
    Planted("balance", b'"currentBalance":"15000000"', b'"currentBalance":"15.0M"', "data.currentBalance"),
    Planted("balance", b'"currency":"VND"', b'"currency":"USD"', "data.currency"),
    Planted("name", b'"accountName":"NGUYEN VAN A"', b'"accountName":["NGUYEN VAN A"]', "data.accountName"),
    Planted("history", b'"transactionDate":"15/01/2025 10:30:00"', b'"transactionDate":"1/15"', "transactionDate"),
    Planted("history", b'"creditAmount":"150000"', b'"creditAmount":[150000]', "creditAmount"),
    Planted("history", b'"refNo":"FT25015123456789', b'"reference":"FT25015123456789', "refNo"),
    Planted("history", b'"totalPage":1', b'"totalPage":"one"', "totalPage"),
    Planted("history", b'"transactionHistoryList"', b'"rows"', "transactionHistoryList"),
    Planted("webhook", b'"transactiontime":1736911800000', b'"transactiontime":"2025-01-15 10:30"', "transactiontime"),
    Planted("webhook", b'"transType":"C"', b'"transType":"CREDIT"', "transType"),
    Planted("webhook", b'"amount":150000', b'"amount":{"v":150000}', "amount"),
    Planted("webhook", b'"referencenumber"', b'"reference"', "referencenumber"),
]
"""The same for a corporate account."""

DRIFTS = [
    *READS,
    Planted("status", b'"SUCCESS"', b'"COMPLETED"', "data.transStatus"),
    Planted("status", b'"transStatus"', b'"state"', "data.transStatus"),
    Planted("status", b'"errorCode":"000"', b'"errorCode":"777"', "errorCode"),
    Planted("transfer", b'"PROCESSING"', b'"QUEUED"', "data.status"),
    Planted("transfer", b'"data":{', b'"data":0,"order":{', "data.status"),
    Planted("transfer", b'{"errorCode"', b'["errorCode"', "$"),
]
