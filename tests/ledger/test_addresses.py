"""Merchants' addresses: every way of writing one that leads into our network is refused."""

from __future__ import annotations

import pytest

from ledger.addresses import Target, is_public, target
from ledger.errors import WebhookUrlInvalid

NOT_PUBLIC = [
    "0.0.0.1",
    "10.0.0.1",
    "100.64.0.1",  # carrier-grade NAT
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # cloud metadata
    "172.16.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 around 127.0.0.1
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::1%eth0",
    "not an address",
]
PUBLIC = ["8.8.8.8", "203.162.4.190", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001:80e::200e", "::ffff:8.8.8.8"]

REFUSED = [
    "",
    "https://",
    "https:///path",
    "http://shop.example/hook",
    "ftp://shop.example/hook",
    "file:///etc/passwd",
    "gopher://shop.example/",
    "//shop.example/hook",
    "https://user@shop.example/hook",
    "https://user:word@shop.example/hook",
    "https://shop.example/hook#part",
    "https://shop.example:22/hook",
    "https://shop.example:0/hook",
    "https://shop.example:99999/hook",
    "https://shop.example:port/hook",
    "https://shop.example\\@10.0.0.1/hook",
    "https://shop.example/ho ok",
    "https://shop.example/hook\r\nHost: other",
    "https://１２７.0.0.1/hook",
    "https://bücher.example/hook",
    "https://[::1%25eth0]/hook",
    "https://[::1/hook",
    "https://./hook",
    "https://shop.example/" + "a" * 2000,
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_inside_a_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", REFUSED)
def test_an_odd_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(WebhookUrlInvalid) as refused:
        target(url)
    assert refused.value.field == "url"
    assert len(url) < 10 or url not in str(refused.value)


def test_an_address_is_taken_apart() -> None:
    assert target("https://Shop.Example.:8443/hook?a=1") == Target(
        scheme="https", host="shop.example", port=8443, path="/hook?a=1"
    )
    assert target("https://shop.example") == Target(scheme="https", host="shop.example", port=443, path="/")


def test_plain_http_and_any_port_are_for_development_only() -> None:
    url = "http://127.0.0.1:9999/hook"
    with pytest.raises(WebhookUrlInvalid):
        target(url)
    assert target(url, allow_private=True) == Target(scheme="http", host="127.0.0.1", port=9999, path="/hook")
