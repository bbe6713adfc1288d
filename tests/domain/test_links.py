"""A media link opens one asset until one moment, and only if we signed it."""

from __future__ import annotations

from urllib.parse import parse_qsl
from uuid import UUID

import pytest

from vermilion.domain.links import LinkVerdict, check_media, sign_media

ASSET = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
OTHER = UUID("01890a5d-ac96-774b-bcce-b302099a8058")
KEY = bytes(range(32))
EXPIRES_AT = 1_800_000_000


def test_a_signed_link_is_valid_until_its_end() -> None:
    """The last valid second is `expires` itself; the next one is too late."""
    assert LinkVerdict.VALID == _judge(now=0)
    assert LinkVerdict.VALID == _judge(now=EXPIRES_AT)
    assert LinkVerdict.EXPIRED == _judge(now=EXPIRES_AT + 1)


def test_the_query_string_is_stable() -> None:
    """Links handed out before an upgrade still open after it."""
    expected = "expires=1800000000&signature=U_j6dN3TYHjeBefRrSq8afeA9pzH5k-3HUO1zS-5KmA"

    assert expected == sign_media(ASSET, expires_at=EXPIRES_AT, key=KEY)


@pytest.mark.parametrize("now", [0, EXPIRES_AT + 999])
def test_tampering(now: int) -> None:
    """Another asset, key, expiry or signature is forged, even when it is also expired."""
    assert LinkVerdict.FORGED == _judge(OTHER, now=now)
    assert LinkVerdict.FORGED == _judge(key=bytes(32), now=now)
    assert LinkVerdict.FORGED == _judge(expires=str(EXPIRES_AT + 60), now=now)
    assert LinkVerdict.FORGED == _judge(signature="_" + _query()["signature"][1:], now=now)


@pytest.mark.parametrize("signature", ["", "=", "é", "\udcff", "A" * 10_000])
def test_nonsense_signatures(signature: str) -> None:
    """Whatever is sent as a signature is an answer, never an exception."""
    assert LinkVerdict.FORGED == _judge(signature=signature)


@pytest.mark.parametrize(
    "expires", ["", "-1", "1e99", "１８００００００００", "01800000000", " 1800000000", "\udcff"]
)
def test_nonsense_expiries(expires: str) -> None:
    """Only the exact text that was signed counts, not another spelling of the same number."""
    assert LinkVerdict.FORGED == _judge(expires=expires)


def test_every_changed_letter_is_noticed() -> None:
    """No letter of the signature is decoration."""
    signature = _query()["signature"]
    for place, letter in enumerate(signature):
        changed = signature[:place] + ("A" if letter != "A" else "B") + signature[place + 1 :]

        assert LinkVerdict.FORGED == _judge(signature=changed)


def test_a_short_key_is_refused() -> None:
    """A key that was never set must not sign."""
    with pytest.raises(ValueError, match="at least 16 bytes"):
        sign_media(ASSET, expires_at=EXPIRES_AT, key=b"")


def _query() -> dict[str, str]:
    return dict(parse_qsl(sign_media(ASSET, expires_at=EXPIRES_AT, key=KEY)))


def _judge(
    asset_id: UUID = ASSET,
    *,
    key: bytes = KEY,
    now: int = 0,
    expires: str | None = None,
    signature: str | None = None,
) -> LinkVerdict:
    query = _query()
    return check_media(
        asset_id,
        expires=query["expires"] if expires is None else expires,
        signature=query["signature"] if signature is None else signature,
        now=now,
        key=key,
    )
