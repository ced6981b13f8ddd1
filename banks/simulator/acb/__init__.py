"""ACB, written from chapters 1, 2 and 8 of the bank wire specification.

codes       its response codes                              enrolment      keys and credentials of a customer
openapi     its HTTP interface                              payment_order  the fields of 2.1.5
statements  what its answers say                            notices        its webhooks
authorization, der, cms   the signing recipe of 2.1.5       personality    all of it together
"""
