"""The official client of ImaginePro, as it comes from PyPI, against a running gateway."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from imaginepro import (
    ButtonPressParams,
    ImagineParams,
    ImagineProSDK,
    ImagineProSDKOptions,
    InpaintingParams,
    RerollParams,
    UpscaleParams,
    VariantParams,
)
from PIL import Image, ImageDraw
from tests.support.patience import PATIENCE_S
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow
WAIT_S = PATIENCE_S


class Client:
    """The client, which blocks, beside a running loop."""

    def __init__(self, server: Server, key: str | None) -> None:
        self._options = ImagineProSDKOptions(
            api_key=key or "", base_url=server.url, default_timeout=WAIT_S, fetch_interval=1
        )
        self.sdk = ImagineProSDK(self._options)

    async def __call__(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """What a call answers."""
        return await asyncio.to_thread(method, *arguments)

    async def done(self, ack: Any) -> Any:
        """The message of an accepted call once it is done."""
        assert True is ack["success"]
        message = await self(self.sdk.fetch_message, ack["messageId"])
        assert "DONE" == message["status"], message
        return message

    async def pressed(self, message: Any, button: str, **more: Any) -> Any:
        """The message of a button once it is done."""
        press = ButtonPressParams(message_id=message["messageId"], button=button, **more)
        return await self.done(await self(self.sdk.press_button, press))


@pytest.fixture
async def client(module_server: Server, customer: Api) -> Client:
    """A funded customer's client."""
    return Client(module_server, customer.key)


def mask() -> str:
    """A black picture with a white square, in plain base64 as the client sends it."""
    picture = Image.new("L", (256, 256), 0)
    ImageDraw.Draw(picture).rectangle((64, 64, 128, 128), fill=255)
    content = io.BytesIO()
    picture.save(content, "PNG")
    return base64.b64encode(content.getvalue()).decode()


async def test_imagine_and_the_buttons_of_a_grid(client: Client) -> None:
    """A grid with its four pictures and nine buttons; the client's own methods press them."""
    sdk = client.sdk
    ack = await client(sdk.imagine, ImagineParams(prompt="a red fox --ar 16:9", ref="order-7"))
    begun = await client(sdk.fetch_message_once, ack["messageId"])
    grid = await client.done(ack)
    assert begun["status"] in ("QUEUED", "PROCESSING", "DONE")
    assert begun["buttons"] == ["Cancel Job"] or begun["status"] == "DONE"
    assert ("order-7", 100, 4) == (grid["ref"], grid["progress"], len(grid["images"]))
    assert ["U1", "U2", "U3", "U4", "🔄", "V1", "V2", "V3", "V4"] == grid["buttons"]
    assert grid["uri"].startswith(client.sdk.base_url)

    one = await client.done(await client(sdk.upscale, UpscaleParams(message_id=grid["messageId"], index=2)))
    assert grid["messageId"] == one["originatingMessageId"]
    assert "a red fox --ar 16:9" == one["prompt"]
    assert "images" in one
    varied = await client.done(
        await client(sdk.variant, VariantParams(message_id=grid["messageId"], index=4))
    )
    again = await client.done(await client(sdk.reroll, RerollParams(message_id=grid["messageId"])))
    assert grid["buttons"] == varied["buttons"] == again["buttons"]


async def test_every_button_of_one_picture(client: Client) -> None:
    """Each label that the message lists can be pressed and is done; a region needs its mask."""
    sdk = client.sdk
    grid = await client.done(await client(sdk.imagine, ImagineParams(prompt="a lake at dusk --ar 3:2")))
    one = await client.pressed(grid, "U1")
    assert "Make Square" in one["buttons"]
    for button in one["buttons"]:
        if button == "Vary (Region)":
            region = InpaintingParams(message_id=one["messageId"], mask=mask(), prompt="a boat")
            made = await client.done(await client(sdk.inpainting, region))
        else:
            made = await client.pressed(one, button)
        assert made["uri"], button


async def test_what_the_client_has_no_method_for(client: Client) -> None:
    """History and account info, through the client's own transport."""
    grid = await client.done(await client(client.sdk.imagine, ImagineParams(prompt="a boat --relax")))
    history = await client(client.sdk._get_request, "/api/v1/nova/images?page=1&size=5")
    account = await client(client.sdk._get_request, "/api/v1/subscription/account-info")

    assert [(grid["messageId"], "imagine", "a boat --relax")] == [
        (image["id"], image["type"], image["prompt"]) for image in history["images"]
    ]
    assert {"type", "creditsQuota", "credits", "creditsExtra", "expiredAt", "email"} == account.keys()
    assert (10**12 - 150_000) // 45_000 == account["creditsExtra"]


async def test_describe_and_face_swap(client: Client) -> None:
    """A picture made here is described from its own link; a face swap is refused in the service's own words."""
    grid = await client.done(await client(client.sdk.imagine, ImagineParams(prompt="a hill at noon")))
    body = {"url": grid["images"][0], "ref": "words"}
    words = await client.done(await client(client.sdk._post_request, "/api/v1/nova/describe", body))
    faces = {"source": grid["images"][0], "target": grid["images"][1]}
    with pytest.raises(Exception, match="Not Implemented"):
        await client(client.sdk._post_request, "/api/v1/nova/faceswap", faces)

    assert ("words", 4) == (words["ref"], len(words["content"]))


async def test_blend_and_plain_dictionaries(client: Client, customer: Api) -> None:
    """Older programs pass dictionaries in snake case; two pictures become one."""
    grid = await client.done(await client(client.sdk.imagine, {"prompt": "a hill", "disable_cdn": True}))
    assert "uri" not in grid
    urls = grid["images"][:2]
    ack = await client(client.sdk._post_request, "/api/v1/midjourney/blend", {"urls": urls})
    assert (await client.done(ack))["uri"]
    pressed = await client(client.sdk.press_button, {"message_id": grid["messageId"], "button": "V1"})
    assert (await client.done(pressed))["images"]


async def test_refusals_are_what_the_client_raises(
    client: Client, module_server: Server, operator: Api
) -> None:
    """The client raises the word of the status, as it does for the service itself."""
    poor = Client(module_server, (await new_customer(operator, units=0)).key)
    strange = Client(module_server, "sk-nobody")
    for who, prompt, word in (
        (client, "", "Bad Request"),
        (client, "a fox --wings", "Bad Request"),
        (poor, "a fox", "Unauthorized"),
        (strange, "a fox", "Unauthorized"),
    ):
        with pytest.raises(Exception, match=word):
            await who(who.sdk.imagine, ImagineParams(prompt=prompt))
    with pytest.raises(Exception, match="Not Found"):
        await client(client.sdk.fetch_message_once, "01900000-0000-7000-8000-000000000000")
