"""What Techcombank may change one day. Of a callback everything that is believed is signed, and has to fit first."""

from __future__ import annotations

from tests.banks.drifting import Planted

DRIFTS = [
    Planted("balance", b"<CurAmt>15000000</CurAmt>", b"<CurAmt>15M</CurAmt>", "AcctRec/AcctBal/CurAmt"),
    Planted("balance", b"<BalType>Avail", b"<BalType>Free", "AcctRec/AcctBal"),
    Planted("balance", b"<AcctRec>", b"<AcctRec/><AcctRec>", "AcctRec"),
    Planted("status", b"COMPLETED", b"2", "TxnSts"),
    Planted("status", b"<v1:Sts>RCCF", b"<v1:Sts>OK", "RspnSts/Sts"),
    Planted("status", b"000|Success", b"777|Success", "RspnSts/AddtlStsRsnInf"),
    Planted("status", b"InqTxStsRspn", b"InqTxStsResponse", "$"),
    Planted("transfer", b"<ns:Sts>RCCF", b"<ns:Sts>OK", "RspnSts/Sts"),
    Planted("transfer", b"<ns:RspnSts>", b"<ns:RspnSts/><ns:RspnSts>", "RspnSts"),
    Planted("webhook", b"TxnSts>COMPLETED", b"TxnSts>2", "TxnSts"),
]
