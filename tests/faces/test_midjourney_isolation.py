"""A task made by one account is invisible to another through every operation of the Midjourney faces."""

from __future__ import annotations

import pytest
from tests.faces.isolation import Probe, assert_all_probed, assert_hidden
from tests.support.server import Api, new_customer

from vermilion.faces.imaginepro.face import face as imaginepro
from vermilion.faces.linkrapi.face import FACE as LINKRAPI
from vermilion.faces.mjproxy.face import FACE as MJPROXY
from vermilion.http.foreign import Face

pytestmark = pytest.mark.slow
PREFIXES = ("/api/v1/nova", "/api/v1/midjourney")
MODES = ("", "/mj-relax", "/mj-fast", "/mj-turbo")

IMAGINEPRO = [
    Probe("GET", "/api/v1/message/fetch/{id}"),
    Probe("GET", "/api/v1/message/trace/{id}"),
    Probe("POST", "/api/v1/video/mj/extend", {"messageId": "{id}", "index": 1}),
    *(
        probe
        for prefix in PREFIXES
        for probe in (
            Probe("GET", prefix + "/message/{id}"),
            Probe("POST", prefix + "/button", {"messageId": "{id}", "button": "U1"}),
            Probe("POST", prefix + "/button", {"messageId": "{id}", "button": "Cancel Job"}),
            Probe("POST", prefix + "/boost/button", {"messageId": "{id}", "button": "V1"}),
        )
    ),
]
LINKRAPI_PROBES = [
    Probe("GET", "/api/v1/fetch/{id}"),
    Probe("POST", "/api/v1/action", {"task_id": "{id}", "action": "upsample1"}),
]
MJPROXY_PROBES = [
    probe
    for mode in MODES
    for probe in (
        Probe(
            "POST", mode + "/mj/submit/action", {"taskId": "{id}", "customId": "MJ::JOB::upsample::1::{id}"}
        ),
        Probe("POST", mode + "/mj/submit/modal", {"taskId": "{id}", "maskBase64": "AAAA"}),
        Probe("POST", mode + "/mj/submit/change", {"taskId": "{id}", "action": "UPSCALE", "index": 1}),
        Probe("POST", mode + "/mj/submit/simple-change", {"content": "{id} U1"}),
        Probe("POST", mode + "/mj/submit/video", {"taskId": "{id}", "index": 0}),
        Probe("POST", mode + "/mj/task/list-by-ids", {"ids": ["{id}"]}),
        Probe("POST", mode + "/mj/task/list-by-condition", {"ids": ["{id}"]}),
        Probe("POST", mode + "/mj/task/{id}/cancel"),
        Probe("GET", mode + "/mj/task/{id}/fetch"),
        Probe("GET", mode + "/mj/task/{id}/image-seed"),
    )
]
FACES = [
    pytest.param(imaginepro(), IMAGINEPRO, id="imaginepro"),
    pytest.param(LINKRAPI, LINKRAPI_PROBES, id="linkrapi"),
    pytest.param(MJPROXY, MJPROXY_PROBES, id="mjproxy"),
]
#: Ends of paths whose operations name no task: they begin one, or speak of the account's own things.
NO_TASK = (
    *("/imagine", "/describe", "/blend", "/faceswap", "/prompt-check", "/images", "/ban-words", "/commands"),
    *("/account-info", "/upscale", "/remove-bg", "/generate", "/tokens", "/queue", "/{id}/queue", "/zimage"),
    *(
        "/count",
        "/reboot",
        "/pause",
        "/resume",
        "/info",
        "/shorten",
        "/edits",
        "/task/list",
        "/discord/token/{id}",
    ),
)


@pytest.mark.parametrize(("face", "probes"), FACES)
def test_every_operation_is_probed(face: Face, probes: list[Probe]) -> None:
    """An operation that is added has to be probed, or said to name no task."""
    no_task = {(o.method, o.path) for o in face.operations if o.path.endswith(NO_TASK)}
    assert_all_probed(face, probes, without_tasks=no_task)


@pytest.mark.parametrize(("face", "probes"), FACES)
async def test_tasks_of_others_are_hidden(operator: Api, face: Face, probes: list[Probe]) -> None:
    """Whatever is asked of somebody else's task is answered as of one that never was, and changes nothing."""
    owner = await new_customer(operator)
    waiting = await owner.echo("mine", latency_s=60)
    made = await owner.ended((await owner.echo("mine"))["id"])
    stranger = await new_customer(operator)
    for probe in probes:
        for task in (waiting, made):
            await assert_hidden(stranger, probe, task["id"])
    assert "cancelled" != (await owner.get(f"/v1/tasks/{waiting['id']}"))["status"], face.name
