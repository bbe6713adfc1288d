"""Files inside a submission: data URIs become stored uploads, upload ids are checked, URLs wait for dispatch."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import UUID

from vermilion.domain.catalogue import Offer
from vermilion.egress.errors import EgressRefused
from vermilion.egress.guard import check_url
from vermilion.errors import FieldProblem, InvalidRequest, UnsafeMedia, UnsupportedMedia
from vermilion.services.gateway import Gateway
from vermilion.services.serve_media import linked_asset
from vermilion.services.store_media import store_upload
from vermilion.storage import assets
from vermilion.storage.accounts import Bearer


async def take_in_media(
    gateway: Gateway, bearer: Bearer, offer: Offer, task_input: dict[str, Any]
) -> dict[str, Any]:
    """The input with every file named by an upload id or a URL. Raises InvalidRequest naming each wrong field,
    and UnsafeMedia.
    """
    taken: dict[str, Any] = dict(task_input)
    problems = []
    for name, value in offer.media(task_input):
        try:
            _put(taken, name, await _take_in(gateway, bearer, value))
        except (ValueError, EgressRefused, UnsupportedMedia) as wrong:
            problems.append(FieldProblem(f"/input/{name}", str(wrong)))
        except UnsafeMedia as unsafe:
            raise UnsafeMedia(problems=(FieldProblem(f"/input/{name}", unsafe.detail),)) from unsafe
    if problems:
        raise InvalidRequest(problems=tuple(problems))
    return taken


def _put(taken: dict[str, Any], name: str, value: str) -> None:
    """Replace one file of the input, whether it stands alone or in a list."""
    field, _, number = name.partition("/")
    if number:
        given = taken[field]
        taken[field] = [*given[: int(number)], value, *given[int(number) + 1 :]]
    else:
        taken[field] = value


async def _take_in(gateway: Gateway, bearer: Bearer, value: str) -> str:
    if value.startswith("data:"):
        content = _decode_data_uri(value)
        return str((await store_upload(gateway, bearer, content)).id)
    if value.startswith(("http://", "https://")):
        if (id_ := linked_asset(gateway, value)) is not None and await _is_own(gateway, bearer, id_):
            return str(id_)  # no need to ask ourselves for it, which on a private address would be refused
        check_url(value, allow=gateway.settings.egress_allow)
        return value
    return str(await _own_upload(gateway, bearer, value))


async def _own_upload(gateway: Gateway, bearer: Bearer, value: str) -> UUID:
    try:
        id_ = UUID(value)
    except ValueError:
        raise ValueError("must be an http(s) URL, an upload id or a data URI") from None
    if not await _is_own(gateway, bearer, id_):
        raise ValueError("there is no such upload; POST /v1/media makes one")
    return id_


async def _is_own(gateway: Gateway, bearer: Bearer, asset_id: UUID) -> bool:
    [asset] = await assets.read_many(gateway.database, [asset_id])
    return asset is not None and asset.account_id == bearer.account.id


def _decode_data_uri(value: str) -> bytes:
    head, comma, body = value[5:].partition(",")
    if not comma:
        raise ValueError("this data URI has no comma between its type and its data")
    if not head.endswith(";base64"):
        return unquote_to_bytes(body)
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as broken:
        raise ValueError(f"this data URI is not valid base64: {broken}") from None
