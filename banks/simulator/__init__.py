"""An independent ACB: the bank's side of the wire, so that the whole way of a payment can run without a contract.

Written from the bank wire specification alone (chapters 1, 2, 7, 8, 10 and 11.3). It imports nothing else of this
project, so a misreading in the adapter cannot be repeated here unnoticed. Points the specification marks [assumed] are
marked so here too.

    records     what the bank remembers, as typed records        journal     those records on disk, replayed at start
    clock       real time plus an offset, and the agenda         books       double entry, running balances
    state       everything above together, under one lock        settings    latencies, limits, shapes that may vary
    enrolment   keys, certificates and accounts of a customer    tokens      client credentials, expiry
    jsonfields  strict reading of JSON objects                   payment_order   the fields of 2.1.5
    der, cms    reading and checking CMS signatures              authorization   the signing recipe of 2.1.5
    napas       the bank list                                    vietqr, memos   what a payer's app and the bank do
    orders      ORIG -> VALD -> TRAN | INVA                      counter     money coming in, reversals, charges
    faults      what can be made to go wrong                     postman     webhooks, acknowledgements, resends
    openapi     the bank's HTTP interface                        control     the control port
    simulator   all of it started on two ports
"""
