"""Every refusal Vermilion can utter, as one tree; faces translate it and nothing else invents errors.

VermilionError
├── InvalidRequest          422  the request is wrong; `problems` names every wrong field
│   ├── MalformedBody       400  the body is not JSON at all
│   ├── BodyTooLarge        413
│   ├── UnsupportedMedia    415
│   ├── ChecksumMismatch    460  the bytes that came are not those that were sent
│   ├── UnsupportedVersion  412  the protocol of resumable uploads in another version
│   ├── StorageFull         413  the account has as much stored as its plan allows
│   ├── ButtonMissing       422  what is to be pressed is not there
│   ├── BannedWord          422  a text has a word that may not be used here
│   └── UnsafeMedia         422  a picture is of a kind that may not be used here
├── Unauthenticated         401  no key, or a key that does not exist, is revoked or has expired
├── Forbidden               403  the key exists but may not do this
│   ├── AccountDisabled     403
│   └── ConnectionSuspended 403  the one connection that may do this is turned off, or needs its owner
├── NotFound                404  also said of things that belong to somebody else
├── MethodNotAllowed        405
├── Conflict                409  the thing is in a state that does not allow this
├── RangeRefused            416  the file is shorter than the range that was asked for
├── PaymentRequired         402
│   ├── InsufficientFunds   402  the wallet cannot cover the hold
│   ├── SpendCapReached     402  the API key's own cap is used up
│   └── BudgetReached       402  the account's own budget is used up
├── IdempotencyMismatch     422  the same Idempotency-Key came with another body
├── RateLimited             429
│   └── TooManyErrors       429  the plan takes no more tasks today, after so many that failed by their own fault
├── ProviderNotConnected    501  nobody here does this: no connection to a provider that could
├── UpstreamUnreachable     502  the service behind a connection did not answer
├── ServiceUnavailable      503  starting, draining, or the database is away
│   └── EnginePackMissing   503  no node has what this offer runs on; the operator has to install it
└── InternalError           500
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec


class FieldProblem(msgspec.Struct, frozen=True):
    """One wrong field: a JSON pointer to it and what to do about it."""

    pointer: str
    detail: str


class VermilionError(Exception):
    """Base of the tree; the class docstring's first line is the default message."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        self.detail = detail or (self.__doc__ or self.title).splitlines()[0]
        self.facts = facts
        super().__init__(self.detail)


class InvalidRequest(VermilionError):
    """The request does not match what this endpoint accepts."""

    status = 422
    code = "invalid_request"
    title = "Invalid request"

    def __init__(
        self,
        detail: str | None = None,
        *,
        problems: tuple[FieldProblem, ...] = (),
        **facts: Any,
    ) -> None:
        super().__init__(detail, **facts)
        self.problems = problems


class MalformedBody(InvalidRequest):
    """The body is not valid JSON."""

    status = 400
    code = "malformed_body"
    title = "Malformed body"


class BodyTooLarge(InvalidRequest):
    """The body is larger than this endpoint accepts."""

    status = 413
    code = "body_too_large"
    title = "Body too large"


class UnsupportedMedia(InvalidRequest):
    """The file is of a type that is not accepted here."""

    status = 415
    code = "unsupported_media"
    title = "Unsupported media"


class ChecksumMismatch(InvalidRequest):
    """The bytes that came do not have the checksum that was sent with them; send them again."""

    status = 460
    code = "checksum_mismatch"
    title = "Checksum mismatch"


class UnsupportedVersion(InvalidRequest):
    """This version of the protocol is not spoken here."""

    status = 412
    code = "unsupported_version"
    title = "Unsupported version"


class StorageFull(InvalidRequest):
    """The account has as much stored as its plan allows; delete files, or ask for a larger plan."""

    status = 413
    code = "storage_full"
    title = "Storage full"


class ButtonMissing(InvalidRequest):
    """There is no such button on this picture."""

    code = "button_missing"
    title = "Button missing"


class BannedWord(InvalidRequest):
    """The text contains a word that may not be used here; nothing was held."""

    code = "banned_word"
    title = "Banned word"


class UnsafeMedia(InvalidRequest):
    """The picture was found not to be safe for work, which this gateway does not take; nothing of it was kept."""

    code = "content_policy"
    title = "Content policy"


class Unauthenticated(VermilionError):
    """Send a valid API key as `Authorization: Bearer …` or `x-api-key`."""

    status = 401
    code = "unauthenticated"
    title = "Unauthenticated"


class Forbidden(VermilionError):
    """This API key may not do this."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class AccountDisabled(Forbidden):
    """This account is disabled; ask the operator."""

    code = "account_disabled"
    title = "Account disabled"


class ConnectionSuspended(Forbidden):
    """The connection that may do this is suspended."""

    code = "connection_suspended"
    title = "Connection suspended"


class NotFound(VermilionError):
    """There is no such thing here."""

    status = 404
    code = "not_found"
    title = "Not found"


class MethodNotAllowed(VermilionError):
    """This path does not answer that method."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class Conflict(VermilionError):
    """The thing is in a state that does not allow this."""

    status = 409
    code = "conflict"
    title = "Conflict"


class RangeRefused(VermilionError):
    """The file is shorter than the range that was asked for."""

    status = 416
    code = "range_refused"
    title = "Range refused"


class PaymentRequired(VermilionError):
    """The wallet does not cover this."""

    status = 402
    code = "payment_required"
    title = "Payment required"


class InsufficientFunds(PaymentRequired):
    """The wallet does not cover the price of this task; nothing was held."""

    code = "insufficient_funds"
    title = "Insufficient funds"


class SpendCapReached(PaymentRequired):
    """The spend cap of this API key does not cover the price of this task; nothing was held."""

    code = "spend_cap_reached"
    title = "Spend cap reached"


class BudgetReached(PaymentRequired):
    """The account's budget does not cover the price of this task; nothing was held."""

    code = "budget_reached"
    title = "Budget reached"


class IdempotencyMismatch(VermilionError):
    """This Idempotency-Key was used before with another body; use a new key for a new request."""

    status = 422
    code = "idempotency_mismatch"
    title = "Idempotency key reused"


class RateLimited(VermilionError):
    """Too many requests; wait as long as Retry-After says."""

    status = 429
    code = "rate_limited"
    title = "Rate limited"


class ProviderNotConnected(VermilionError):
    """No provider that does this is connected here; nothing was held."""

    status = 501
    code = "provider_not_connected"
    title = "Provider not connected"


class UpstreamUnreachable(VermilionError):
    """The service behind this connection did not answer; try again."""

    status = 502
    code = "upstream_unreachable"
    title = "Upstream unreachable"


class TooManyErrors(RateLimited):
    """Too many of your tasks failed by their own fault today; your plan takes more tomorrow (UTC)."""

    code = "too_many_errors"
    title = "Too many errors"


class ServiceUnavailable(VermilionError):
    """The gateway cannot take this now; try again shortly."""

    status = 503
    code = "unavailable"
    title = "Unavailable"


class EnginePackMissing(ServiceUnavailable):
    """No node of this gateway has the engine pack that this offer needs."""

    code = "engine_pack_missing"
    title = "Engine pack missing"


class InternalError(VermilionError):
    """Something broke on our side; nothing was charged. Quote the request id to the operator."""
