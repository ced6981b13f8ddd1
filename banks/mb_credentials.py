"""What MB gave us, and what we gave MB: the fields of an MB account in the accounts file (3.1 of the specification).

`client_id`, `client_secret`; `channel_code` and `business_code`, which begin every transaction id; `private_key_pem`
that signs transfers; `transfers` ("async", the default, or "sync"). For the bank's calls to us: `push_username` and
`push_password`, with which it fetches a token from us; `webhook_key` (one, or a list of two) under which we sign those
tokens; and `mms_access_key` (likewise) where the VietQR merchant product tells of payments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from banks.accounts import SECRET_MIN, Credentials, Entry
from ledger.settings import Secret

CODE: Final = r"[A-Z0-9]{1,16}"
CODE_SAID: Final = "1 to 16 capital letters and digits"


@dataclass(frozen=True, slots=True, kw_only=True)
class MbCredentials(Credentials):
    """`webhook_keys` and `mms_access_keys` are valid side by side, the first being the newest."""

    client_id: str = field(repr=False)
    client_secret: Secret
    channel_code: str
    business_code: str
    private_key: RSAPrivateKey = field(repr=False)
    push_username: str = field(repr=False)
    push_password: Secret
    webhook_keys: tuple[Secret, ...]
    mms_access_keys: tuple[Secret, ...] = ()
    synchronous: bool = False

    @classmethod
    def read(cls, entry: Entry) -> Self | None:
        # A colon would end a user name in HTTP Basic.
        name, said = r"[!-9;-~]{1,200}", "1 to 200 visible ASCII characters without a colon"
        client_id, push_username = entry.text("client_id", name, said), entry.text("push_username", name, said)
        client_secret = entry.secret("client_secret")
        # Ours to choose, and what guards the tokens, so it must not be guessed.
        password = entry.text("push_password", rf"[!-~]{{{SECRET_MIN},200}}", f"{SECRET_MIN} or more characters")
        channel, business = (entry.text(code, CODE, CODE_SAID) for code in ("channel_code", "business_code"))
        key, webhook_keys = entry.private_key("private_key_pem"), entry.secrets("webhook_key")
        access_keys = entry.secrets("mms_access_key") if entry.optional("mms_access_key") else ()
        way = entry.text("transfers", "async|sync", "async or sync") if entry.optional("transfers") else "async"
        if key is None:
            return None
        return cls(
            client_id=client_id,
            client_secret=client_secret,
            channel_code=channel,
            business_code=business,
            private_key=key,
            push_username=push_username,
            push_password=Secret(password),
            webhook_keys=webhook_keys,
            mms_access_keys=access_keys,
            synchronous=way == "sync",
        )
