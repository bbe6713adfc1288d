"""Which URLs and addresses customers may send us to: pure rules, no lookups and no sockets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote

import idna

from vermilion.egress.errors import AddressRefused, EgressRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_LENGTH_MAX = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*{_LABEL}")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENDS_AUTHORITY = re.compile(r"[/?]")
_URL_SAFE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("<", "").replace(">", "")


class Reach(StrEnum):
    """What kind of network an address belongs to. Only PUBLIC is reachable without an allow-list."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    SHARED = "shared"  #: carrier-grade NAT
    METADATA = "metadata"  #: answers cloud credentials or agents to any process on the machine
    MULTICAST = "multicast"
    TUNNEL = "tunnel"  #: embeds an IPv4 address that a relay would unwrap
    RESERVED = "reserved"
    UNSPECIFIED = "unspecified"


@dataclass(frozen=True, slots=True)
class CheckedUrl:
    """A URL in ASCII whose `host` is a plain lower-case name, or an address that was checked."""

    url: str
    scheme: str
    host: str
    port: int


def check_url(url: str, *, allow: Iterable[Network] = ()) -> CheckedUrl:
    """Normalise a customer's URL; raises EgressRefused with the reason.

    A name is not resolved here: whoever connects checks each address by `is_allowed`.
    """
    scheme, authority, rest = _split(url)
    host, port = _split_port(authority, scheme)
    host = _ascii_host(host)
    literal = _literal_address(host)
    if literal is None and not _HOST_NAME.fullmatch(host):
        raise EgressRefused("The URL has no valid host.")
    if literal is not None and not is_allowed(literal, allow):
        raise AddressRefused
    host = str(literal or host)
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
    return CheckedUrl(url=f"{scheme}://{shown}{suffix}{rest}", scheme=scheme, host=host, port=port)


def is_allowed(address: Address, allow: Iterable[Network] = ()) -> bool:
    """Whether a connection to this address may be opened: public, or inside an allowed network."""
    judged = _unwrapped(address)
    return classify(judged) is Reach.PUBLIC or any(judged in network for network in allow)


def classify(address: Address) -> Reach:
    """The kind of network of an address; mapped and NAT64 addresses count as the IPv4 address inside."""
    judged = _unwrapped(address)
    table = _IPV4_TABLE if isinstance(judged, IPv4Address) else _IPV6_TABLE
    for network, reach in table:
        if judged in network:
            return reach
    is_assigned = isinstance(judged, IPv4Address) or judged in _IPV6_UNICAST
    return Reach.PUBLIC if is_assigned else Reach.RESERVED


def _split(url: str) -> tuple[str, str, str]:
    if len(url) > URL_LENGTH_MAX:
        raise EgressRefused(f"The URL is longer than {URL_LENGTH_MAX} characters.")
    if any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in url):
        raise EgressRefused("The URL contains control characters.")
    scheme, separator, remainder = url.strip().partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in DEFAULT_PORTS:
        raise EgressRefused("The URL must start with http:// or https://.")
    remainder = remainder.partition("#")[0]
    found = _ENDS_AUTHORITY.search(remainder)
    end = found.start() if found else len(remainder)
    return scheme, remainder[:end], _quoted(remainder[end:])


def _quoted(rest: str) -> str:
    """Path and query with only forbidden characters escaped, so that signed URLs stay as they were signed."""
    try:
        quoted = quote(rest, safe=_URL_SAFE)
    except UnicodeEncodeError as error:
        raise EgressRefused("The URL contains characters that are not text.") from error
    return quoted if quoted.startswith("/") else f"/{quoted}"


def _split_port(authority: str, scheme: str) -> tuple[str, int]:
    if "@" in authority:
        raise EgressRefused("The URL must not contain a user name or password.")
    matched = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:]+)(?::([0-9]{0,5}))?", authority)
    if matched is None:
        raise EgressRefused("The URL has no valid host.")
    port = int(matched[2]) if matched[2] else DEFAULT_PORTS[scheme]
    if not 0 < port < 65536:
        raise EgressRefused("The URL has no valid port.")
    return matched[1], port


def _ascii_host(host: str) -> str:
    try:
        name = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise EgressRefused("The URL has no valid host.") from error
    return name.removesuffix(".")


def _literal_address(host: str) -> Address | None:
    """The address a host spells out. Short, octal and hexadecimal spellings are refused, not guessed."""
    try:
        return ip_address(host[1:-1] if host.startswith("[") else host)
    except ValueError:
        if host.startswith("[") or _NUMERIC_LABEL.fullmatch(host.rpartition(".")[2]):
            raise EgressRefused("The URL has no valid host.") from None
        return None


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    # Behind DNS64 every IPv4-only host on the internet looks like this, so the inner address decides.
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _table(*rows: tuple[str, Reach]) -> tuple[tuple[Network, Reach], ...]:
    return tuple((ip_network(text), reach) for text, reach in rows)


_NAT64 = IPv6Network("64:ff9b::/96")
_IPV6_UNICAST = IPv6Network("2000::/3")

# Our own copy of the IANA special-purpose registries, because the answers of `ipaddress` differ
# between Python releases. The first match wins, so single addresses come before their networks.
_IPV4_TABLE = _table(
    ("169.254.169.254/32", Reach.METADATA),
    ("169.254.170.2/32", Reach.METADATA),
    ("100.100.100.200/32", Reach.METADATA),
    ("168.63.129.16/32", Reach.METADATA),  # a public address that only machines of that cloud can reach
    ("192.0.0.192/32", Reach.METADATA),
    ("0.0.0.0/32", Reach.UNSPECIFIED),
    ("0.0.0.0/8", Reach.RESERVED),
    ("10.0.0.0/8", Reach.PRIVATE),
    ("100.64.0.0/10", Reach.SHARED),
    ("127.0.0.0/8", Reach.LOOPBACK),
    ("169.254.0.0/16", Reach.LINK_LOCAL),
    ("172.16.0.0/12", Reach.PRIVATE),
    ("192.0.0.0/24", Reach.RESERVED),
    ("192.0.2.0/24", Reach.RESERVED),
    ("192.31.196.0/24", Reach.RESERVED),
    ("192.52.193.0/24", Reach.RESERVED),
    ("192.88.99.0/24", Reach.TUNNEL),
    ("192.168.0.0/16", Reach.PRIVATE),
    ("192.175.48.0/24", Reach.RESERVED),
    ("198.18.0.0/15", Reach.RESERVED),
    ("198.51.100.0/24", Reach.RESERVED),
    ("203.0.113.0/24", Reach.RESERVED),
    ("224.0.0.0/4", Reach.MULTICAST),
    ("240.0.0.0/4", Reach.RESERVED),
)
_IPV6_TABLE = _table(
    ("::/128", Reach.UNSPECIFIED),
    ("::1/128", Reach.LOOPBACK),
    ("fd00:ec2::254/128", Reach.METADATA),
    ("fd20:ce::254/128", Reach.METADATA),
    ("64:ff9b:1::/48", Reach.TUNNEL),
    ("2001::/32", Reach.TUNNEL),
    ("2001::/23", Reach.RESERVED),
    ("2001:db8::/32", Reach.RESERVED),
    ("2002::/16", Reach.TUNNEL),
    ("2620:4f:8000::/48", Reach.RESERVED),
    ("3fff::/20", Reach.RESERVED),
    ("fc00::/7", Reach.PRIVATE),
    ("fe80::/10", Reach.LINK_LOCAL),
    ("fec0::/10", Reach.PRIVATE),
    ("ff00::/8", Reach.MULTICAST),
)
