"""Which addresses a merchant may have us call: public ones, by https. Nothing inside our own network can be reached.

What an address is decided on is what its name resolves to, whatever way it is written (decimal, octal, mapped, a name
somebody points at us); the text rules only keep out what has no business in an address.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from ledger.errors import WebhookUrlInvalid

URL_MAX: Final = 2000
PORTS: Final = (443, 8443)
"""Where merchants' servers listen; other ports of a public host may hold anything."""

_UNICAST: Final = IPv6Network("2000::/3")
_ODD_UNICAST: Final = (
    IPv6Network("2001::/23"),  # protocol assignments, Teredo: carries an IPv4 address
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4: carries an IPv4 address
    IPv6Network("3fff::/20"),  # documentation
)
_ODD_IPV4: Final = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
)


class Target(Struct, frozen=True, kw_only=True):
    """An address taken apart. `host` is a name or a literal, `path` begins with a slash and holds the query."""

    scheme: str
    host: str
    port: int
    path: str


def target(url: str, *, allow_private: bool = False) -> Target:
    """The parts of a webhook address. Raises WebhookUrlInvalid, which does not repeat the address.

    `allow_private` also takes plain http and any port: for development only.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _invalid("cannot be read") from None
    if len(url) > URL_MAX or not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise _invalid(f"is not at most {URL_MAX} visible ASCII characters (write other letters in punycode)")
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise _invalid("is not https")
    _check_host(parts)
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    if port not in PORTS and not allow_private:
        raise _invalid(f"names a port other than {' and '.join(map(str, PORTS))}")
    path = parts.path or "/"
    return Target(
        scheme=parts.scheme,
        host=(parts.hostname or "").rstrip("."),
        port=port,
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def _check_host(parts: SplitResult) -> None:
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise _invalid("holds a user, a password or a fragment")
    if not (parts.hostname or "").rstrip(".") or "%" in (parts.hostname or ""):
        raise _invalid("names no host")


def check(url: str, *, allow_private: bool = False) -> None:
    """Raises WebhookUrlInvalid for an address that could never be sent to, before any name is resolved."""
    host = target(url, allow_private=allow_private).host
    if not allow_private and not _looks_public(host):
        raise _invalid("names a host that is not a public one")


def _looks_public(host: str) -> bool:
    try:
        return is_public(str(ip_address(host)))
    except ValueError:
        pass
    name = host.lower()
    last = name.rpartition(".")[2]
    # A last part that begins with a digit is an IP address in another spelling.
    return "." in name and last[:1].isalpha() and last not in ("localhost", "local", "internal", "arpa")


def is_public(address: str) -> bool:
    """Whether this IP address (text) is one of the open Internet."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        return found.scope_id is None and found in _UNICAST and not any(found in odd for odd in _ODD_UNICAST)
    odd = found.is_multicast or found.is_reserved or any(found in network for network in _ODD_IPV4)
    return found.is_global and not odd


def _invalid(what: str) -> WebhookUrlInvalid:
    return WebhookUrlInvalid(f"The webhook address {what}.", field="url")
