"""Independent banks: their side of the wire, so that the whole way of a payment can run without a contract.

Written from the bank wire specification alone. It imports nothing else of this project, so a misreading in an adapter
cannot be repeated here unnoticed. Points the specification marks [assumed] are marked so here too. What all banks have
in common stands here; each bank's own words stand in the sub-package with its code.

    records     what a bank remembers, as typed records          journal     those records on disk, replayed at start
    clock       real time plus an offset, and the agenda         books       double entry, running balances
    state       everything above together, under one lock        settings    latencies and limits that may vary
    profile     facts of one bank                                personality what a bank must do in its own words
    enrolment   keys and accounts of a customer                  keys        RSA keys and certificates
    tokens      access tokens, expiry                            jsonfields  strict reading of JSON objects
    tls         who is let in over HTTPS, spoilt handshakes
    napas       the bank list                                    vietqr, memos   what a payer's app and the bank do
    orders      waiting -> checked -> executed | refused         counter     money coming in, reversals, charges
    faults      what can be made to go wrong                     gate        rate, latency, spoilt answers
    postman     webhooks, acknowledgements, resends              control     the control port
    sepay       an aggregator in a bank's place
    simulator   one bank on its ports                            lab         all banks, one control port, a page
"""
