"""What can go wrong on the way out, as one tree; every reason may be shown to the customer.

EgressError
├── EgressRefused       we will not do this: the URL, its address, or what it answered is not allowed
│   ├── AddressRefused  the host is, or resolves to, an address that must not be reached
│   └── AnswerRefused   the file is too large or of a type that is not accepted
└── EgressFailed        we tried and the other side did not deliver
    ├── HostUnknown     the name does not resolve
    ├── ConnectFailed   no connection to any of its addresses
    ├── TlsFailed       its certificate or handshake is not acceptable
    ├── TooSlow         a time limit passed, or the answer only drips
    ├── AnswerBroken    the connection broke or the answer is not HTTP we understand
    └── StatusFailed    it answered with an HTTP status other than success; `status` says which
"""

from __future__ import annotations

import aiohttp


class EgressError(Exception):
    """The address could not be used."""

    def __init__(self, reason: str | None = None) -> None:
        self.reason = reason or (self.__doc__ or "").splitlines()[0]
        super().__init__(self.reason)


class EgressRefused(EgressError):
    """This URL is not allowed."""


class AddressRefused(EgressRefused):
    """The URL leads to a private or reserved network address, which is not allowed."""


class AnswerRefused(EgressRefused):
    """The file behind the URL is not accepted."""


class EgressFailed(EgressError):
    """The URL could not be fetched."""


class HostUnknown(EgressFailed):
    """The host name of the URL does not resolve."""


class ConnectFailed(EgressFailed):
    """The host of the URL does not accept a connection."""


class TlsFailed(EgressFailed):
    """The host of the URL has no valid TLS certificate."""


class TooSlow(EgressFailed):
    """The host of the URL took too long to answer."""


class AnswerBroken(EgressFailed):
    """The host of the URL broke off or did not answer in valid HTTP."""


class StatusFailed(EgressFailed):
    """The host of the URL did not answer with success."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(f"The host of the URL answered with HTTP status {status}.")


def own_error(error: Exception) -> EgressError:
    """The member of this tree that says what an error of aiohttp or asyncio means."""
    for foreign, own in _MEANINGS:
        if isinstance(error, foreign):
            return own()
    return AnswerBroken()


# The first match wins, so the particular come before their bases.
_MEANINGS: tuple[tuple[type[Exception], type[EgressError]], ...] = (
    (aiohttp.ClientSSLError, TlsFailed),
    (aiohttp.ClientConnectorDNSError, HostUnknown),
    (aiohttp.ClientConnectorError, ConnectFailed),
    (aiohttp.InvalidURL, EgressRefused),
    (TimeoutError, TooSlow),
)
