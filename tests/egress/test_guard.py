"""Which addresses and URLs are let out, and how URLs are read."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vermilion.egress.errors import AddressRefused, EgressRefused
from vermilion.egress.guard import Reach, check_url, classify, is_allowed

ADDRESSES = [
    ("1.1.1.1", Reach.PUBLIC),
    ("8.8.8.8", Reach.PUBLIC),
    ("100.63.255.255", Reach.PUBLIC),
    ("100.128.0.0", Reach.PUBLIC),
    ("172.15.255.255", Reach.PUBLIC),
    ("172.32.0.0", Reach.PUBLIC),
    ("223.255.255.255", Reach.PUBLIC),
    ("10.0.0.0", Reach.PRIVATE),
    ("10.255.255.255", Reach.PRIVATE),
    ("172.16.0.1", Reach.PRIVATE),
    ("172.31.255.255", Reach.PRIVATE),
    ("192.168.1.1", Reach.PRIVATE),
    ("127.0.0.1", Reach.LOOPBACK),
    ("127.255.255.254", Reach.LOOPBACK),
    ("169.254.0.1", Reach.LINK_LOCAL),
    ("169.254.169.254", Reach.METADATA),
    ("169.254.170.2", Reach.METADATA),
    ("100.100.100.200", Reach.METADATA),
    ("168.63.129.16", Reach.METADATA),
    ("192.0.0.192", Reach.METADATA),
    ("100.64.0.1", Reach.SHARED),
    ("0.0.0.0", Reach.UNSPECIFIED),
    ("0.1.2.3", Reach.RESERVED),
    ("192.0.0.8", Reach.RESERVED),
    ("192.0.2.1", Reach.RESERVED),
    ("198.18.0.1", Reach.RESERVED),
    ("198.51.100.1", Reach.RESERVED),
    ("203.0.113.1", Reach.RESERVED),
    ("240.0.0.1", Reach.RESERVED),
    ("255.255.255.255", Reach.RESERVED),
    ("192.88.99.1", Reach.TUNNEL),
    ("224.0.0.1", Reach.MULTICAST),
    ("239.255.255.255", Reach.MULTICAST),
    ("2606:4700:4700::1111", Reach.PUBLIC),
    ("2001:4860:4860::8888", Reach.PUBLIC),
    ("::ffff:8.8.8.8", Reach.PUBLIC),
    ("64:ff9b::8.8.8.8", Reach.PUBLIC),
    ("::", Reach.UNSPECIFIED),
    ("::1", Reach.LOOPBACK),
    ("::ffff:127.0.0.1", Reach.LOOPBACK),
    ("::ffff:169.254.169.254", Reach.METADATA),
    ("::ffff:10.0.0.1", Reach.PRIVATE),
    ("::127.0.0.1", Reach.RESERVED),
    ("64:ff9b::10.0.0.1", Reach.PRIVATE),
    ("64:ff9b::a9fe:a9fe", Reach.METADATA),
    ("64:ff9b:1::8.8.8.8", Reach.TUNNEL),
    ("2002:7f00:1::", Reach.TUNNEL),
    ("2002:808:808::", Reach.TUNNEL),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", Reach.TUNNEL),
    ("2001:10::1", Reach.RESERVED),
    ("2001:db8::1", Reach.RESERVED),
    ("3fff::1", Reach.RESERVED),
    ("100::1", Reach.RESERVED),
    ("4000::1", Reach.RESERVED),
    ("5f00::1", Reach.RESERVED),
    ("fc00::1", Reach.PRIVATE),
    ("fd12:3456::1", Reach.PRIVATE),
    ("fec0::1", Reach.PRIVATE),
    ("fd00:ec2::254", Reach.METADATA),
    ("fe80::1", Reach.LINK_LOCAL),
    ("fe80::1%eth0", Reach.LINK_LOCAL),
    ("ff02::1", Reach.MULTICAST),
]

REFUSED_URLS = [
    ("ftp://example.com/", "http://"),
    ("file:///etc/passwd", "http://"),
    ("javascript:alert(1)", "http://"),
    ("//example.com/", "http://"),
    ("example.com", "http://"),
    ("", "http://"),
    ("http:/example.com", "http://"),
    ("http://", "host"),
    ("http:///path", "host"),
    ("http://:80/", "host"),
    ("http://user@example.com/", "user name"),
    ("http://user:secret@example.com/", "user name"),
    ("http://1.1.1.1@127.0.0.1/", "user name"),
    ("http://exa mple.com/", "host"),
    ("http://example.com\\@127.0.0.1/", "user name"),
    ("http://example.com\\x/", "host"),
    ("http://example.com\r\nHost: inside/", "control"),
    ("http://example.com:0/", "port"),
    ("http://example.com:65536/", "port"),
    ("http://example.com:80:80/", "host"),
    ("http://example.com:x/", "host"),
    ("http://a..b/", "host"),
    ("http://-a.com/", "host"),
    ("http://" + "a" * 64 + ".com/", "host"),
    ("http://%31%32%37.0.0.1/", "host"),
    ("http://2130706433/", "host"),
    ("http://0x7f000001/", "host"),
    ("http://0x7f.1/", "host"),
    ("http://127.1/", "host"),
    ("http://0177.0.0.1/", "host"),
    ("http://[::1/", "host"),
    ("http://[fe80::1%25eth0]/", "host"),
    ("http://[example.com]/", "host"),
    ("http://\ud800.com/", "host"),
    ("http://example.com/\ud800", "not text"),
    ("http://example.com/" + "a" * 9000, "longer"),
]

REFUSED_HOSTS = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.0.0.1:8080",
    "[::1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:10.0.0.1]",
    "[64:ff9b::7f00:1]",
    "169.254.169.254",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.0.0.1",
]

READ_AS = [
    ("http://example.com", "http://example.com/", "example.com", 80),
    (" HTTPS://EXAMPLE.com:443/A ", "https://example.com/A", "example.com", 443),
    ("http://example.com.:8080?q=1#part", "http://example.com:8080/?q=1", "example.com", 8080),
    ("http://bücher.example/ü", "http://xn--bcher-kva.example/%C3%BC", "xn--bcher-kva.example", 80),
    ("http://ＥＸＡＭＰＬＥ.com/", "http://example.com/", "example.com", 80),
    ("https://a_b.example/x%2Fy?s=a%2Bb+c", "https://a_b.example/x%2Fy?s=a%2Bb+c", "a_b.example", 443),
    ("http://example.com/a b?c d", "http://example.com/a%20b?c%20d", "example.com", 80),
    ("http://example.com/?", "http://example.com/?", "example.com", 80),
    ("http://example.com/@x:y", "http://example.com/@x:y", "example.com", 80),
    ("http://8.8.8.8:53/", "http://8.8.8.8:53/", "8.8.8.8", 53),
    ("http://[2606:4700:0::1111]/", "http://[2606:4700::1111]/", "2606:4700::1111", 80),
]


@pytest.mark.parametrize(("text", "expected"), ADDRESSES)
def test_every_kind_of_address(text: str, expected: Reach) -> None:
    """Only public addresses are allowed without an allow-list."""
    address = ip_address(text)

    assert expected is classify(address)
    assert (expected is Reach.PUBLIC) is is_allowed(address)


@given(st.ip_addresses())
def test_nothing_that_python_calls_local_is_public(address: IPv4Address | IPv6Address) -> None:
    """Whatever the standard library is sure is local, we refuse too."""
    is_local = address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
    carries_ipv4 = any(address in ip_network(text) for text in ("64:ff9b::/96", "::ffff:0:0/96"))
    if is_local and not carries_ipv4:
        assert not is_allowed(address)


@pytest.mark.parametrize(("url", "reason"), REFUSED_URLS)
def test_refused_urls(url: str, reason: str) -> None:
    """Each malformed or tricky URL is refused with a reason that a customer can act on."""
    with pytest.raises(EgressRefused, match=reason):
        check_url(url)


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_refused_hosts(host: str) -> None:
    """A literal private address is refused in every spelling, without a lookup."""
    with pytest.raises(AddressRefused):
        check_url(f"http://{host}/")


@pytest.mark.parametrize(("url", "expected", "host", "port"), READ_AS)
def test_normal_form(url: str, expected: str, host: str, port: int) -> None:
    """A good URL is read into one ASCII form, and what was escaped stays as it was."""
    checked = check_url(url)

    assert (expected, host, port) == (checked.url, checked.host, checked.port)
    assert checked == check_url(checked.url)


def test_allow_list() -> None:
    """An allowed network is let through, also when mapped into IPv6, and its neighbours are not."""
    allow = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/32"))

    assert is_allowed(ip_address("10.1.2.3"), allow)
    assert is_allowed(ip_address("::ffff:10.1.2.3"), allow)
    assert is_allowed(ip_address("fd00:1::5"), allow)
    assert not is_allowed(ip_address("10.2.0.1"), allow)
    assert not is_allowed(ip_address("fd00:2::5"), allow)
    assert "10.1.2.3" == check_url("http://10.1.2.3/", allow=allow).host


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    """No text makes the guard raise anything but a refusal."""
    for url in (text, f"http://{text}", f"https://example.com/{text}"):
        try:
            checked = check_url(url)
        except EgressRefused:
            continue

        assert checked.url.isascii()
