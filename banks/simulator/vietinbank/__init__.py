"""VietinBank, written from chapters 1, 4 and 8 of the bank wire specification: the ERP family with the notification of
4.1.6, and the balance enquiry of the disbursement family.

    codes       its codes, all [assumed] ones among them        enrolment   keys and users of a customer
    signing     plain texts and RSA signatures                  bodies      the fields of its requests
    gateway     its HTTP interface                              rows        movements as records of 4.1.6
    notices     its webhooks and the answers to them            personality all of it together
"""
