"""What VietinBank gave us: the fields of a VietinBank account in the accounts file (4.1 of the bank specification).

`client_id` and `client_secret` (the IBM keys), `provider_id`, `software_provider_id`, `approver` and
`appointed_approver` (users of ours at eFAST), `client_ip` (the address the bank lists for us), `private_key_pem` that
signs our bodies and acknowledgements, `bank_public_key_pem` that signs notices and balances (one, or a list of two);
and where they are needed `merchant_id`, `sender_address` and `fee_account`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from banks.accounts import Credentials, Entry
from ledger.settings import Secret

ID: Final = (r"[A-Za-z0-9_.-]{1,64}", "1 to 64 letters, digits, _, . and -")
ADDRESS: Final = (r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]{3,39}", "our IP address as the bank lists it")
STREET: Final = (r"[^\x00-\x1f\x7f]{1,140}", "an address of 1 to 140 characters")
ACCOUNT: Final = (r"[0-9A-Za-z]{1,19}", "an account number")


@dataclass(frozen=True, slots=True, kw_only=True)
class VietinbankCredentials(Credentials):
    """`merchant_id`, `sender_address` and `fee_account` are empty where the bank gave none; `bank_keys` are valid side
    by side.
    """

    client_id: str = field(repr=False)
    client_secret: Secret
    provider_id: str = field(repr=False)
    merchant_id: str = field(repr=False)
    software_provider_id: str = field(repr=False)
    approver: str = field(repr=False)
    appointed_approver: str = field(repr=False)
    client_ip: str = field(repr=False)
    sender_address: str = field(repr=False)
    fee_account: str = field(repr=False)
    private_key: RSAPrivateKey = field(repr=False)
    bank_keys: tuple[RSAPublicKey, ...] = field(repr=False)

    @classmethod
    def read(cls, entry: Entry) -> Self | None:
        key = entry.private_key("private_key_pem")
        names = ("provider_id", "software_provider_id", "approver", "appointed_approver")
        given = {name: entry.text(name, *ID) for name in names}
        for name, shape in (("merchant_id", ID), ("sender_address", STREET), ("fee_account", ACCOUNT)):
            given[name] = entry.text(name, *shape) if entry.optional(name) else ""
        client_id, client_secret = entry.short("client_id"), entry.secret("client_secret")
        client_ip, bank_keys = entry.text("client_ip", *ADDRESS), entry.public_keys("bank_public_key_pem")
        if key is None:
            return None
        return cls(
            client_id=client_id,
            client_secret=client_secret,
            client_ip=client_ip,
            private_key=key,
            bank_keys=bank_keys,
            **given,
        )
