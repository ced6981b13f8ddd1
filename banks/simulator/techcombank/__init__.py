"""Techcombank, written from chapters 1, 5, 6 and 8 of the bank wire specification.

codes       its response codes                             enrolment   keys and credentials of a customer
soap        envelopes, read strictly and written           signing     the double-hashed signature of 5.1.1
sealing     the envelope of ReqInf (5.1.2)                 bank_list   banks by their CITAD codes
requests    the fields of 5.1.3-5.1.5                      answers     what its answers say
gateway     its SOAP interface                             callbacks   UpdateStatus, and our answer to it (5.1.6)
movements   history and push of 5.1.7                      personality all of it together
"""
