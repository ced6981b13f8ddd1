"""MBDN, MB for businesses, written from chapters 1, 3.3, 3.4, 3.5, 6 and 8 of the bank wire specification.

codes       its response codes and those of a row           settings       what can be turned
sheet       reading an XLSX file                            rows           looking at what stands in one
bulks       what its answers say of a file                  corporate      its HTTP interface
personality all of it together

Token, balance, history, names and pushes are MB's. A payout is a file that is uploaded, read in, looked at and saved;
then it waits for a checker (the control port) and expires with the bank day. Left out, as 3.5 has it: the web session
with its captcha, the name check as a call of its own, verifyBulk.
"""
