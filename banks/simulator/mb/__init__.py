"""MB, written from chapters 1, 3.1, 3.4, 3.5, 6 and 8 of the bank wire specification.

codes       its response codes                              enrolment      keys and credentials of a customer
openapi     its HTTP interface                              transfer       the fields and the signature of 3.1.3
statements  what its answers say                            notices        its calls to the customer
memo_lines  the 35-column rule of 3.4                       settings       what can be turned
merchant    codes for bills and checksums (3.1.7)           merchant_desk  where merchants ask for them
personality all of it together

Left out: subscribing to pushes with a one-time password (3.1.6); the enrolment stands for it.
"""
