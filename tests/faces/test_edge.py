"""What every answer has, and what needs no key: health, metrics, the API document and its page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import jsonschema_rs
import pytest
from tests.support.server import Api, Server

from vermilion.errors import VermilionError
from vermilion.http.openapi import all_errors

pytestmark = pytest.mark.slow


@pytest.fixture
async def anybody(operator: Api) -> Api:
    """A client without a key."""
    return Api(operator.session, None)


@pytest.fixture
async def document(anybody: Api) -> Any:
    """The API document."""
    return await anybody.get("/openapi.json")


async def test_health_needs_no_key(anybody: Api) -> None:
    """The process says that it lives and that it can work, without a word about anybody."""
    assert (200, "ok\n") == await anybody.call("GET", "/healthz")
    assert (200, "ready\n") == await anybody.call("GET", "/readyz")


async def test_metrics_count_tasks(anybody: Api, customer: Api) -> None:
    """The metrics tell how many tasks of each queue are under way."""
    task = await customer.echo("counted", latency_s=60)

    _, text = await anybody.call("GET", "/metrics")

    assert 'vermilion_tasks{queue="echo",status="processing"}' in text
    await customer.post(f"/v1/tasks/{task['id']}/cancel", None)


async def test_metrics_count_answers(anybody: Api) -> None:
    """Each answer is counted by its status."""

    async def count() -> float:
        _, text = await anybody.call("GET", "/metrics")
        found = re.search(r'^vermilion_http_requests_total\{status="404"\} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = await count()
    await anybody.call("GET", "/nothing")

    assert before + 1 == await count()


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/account", "/nothing", "/docs", "/openapi.json", "/v1/media/x"]
)
async def test_every_answer_has_an_id_and_is_safe_to_open(path: str, anybody: Api) -> None:
    """Whoever answers, the id of the request and the security headers are there."""
    _, headers, _ = await anybody.call_raw("GET", path)
    _, echoed, _ = await anybody.call_raw("GET", path, x_request_id="my-request-1")
    _, replaced, _ = await anybody.call_raw("GET", path, x_request_id="a b\tc")

    assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-request-id"])
    assert "nosniff" == headers["x-content-type-options"]
    assert "no-referrer" == headers["referrer-policy"]
    assert "my-request-1" == echoed["x-request-id"]
    assert re.fullmatch(r"[0-9a-f-]{36}", replaced["x-request-id"])


async def test_head_answers_like_get_without_a_body(anybody: Api, customer: Api) -> None:
    """HEAD works wherever GET does."""
    for api, path in (
        (anybody, "/docs"),
        (anybody, "/healthz"),
        (customer, "/v1/account"),
        (customer, "/v1/tasks"),
    ):
        status, _, body = await api.call_raw("HEAD", path, accept_encoding="identity")
        assert (200, True) == (status, not body), path


async def test_the_document_is_valid_and_whole(document: Any, customer: Api) -> None:
    """Every reference leads somewhere, every schema is one, every id is unique, and each offer's input is there."""
    references = set(re.findall(r"'\$ref': '([^']+)'", str(document)))
    schemas = document["components"]["schemas"]
    operations = [one for methods in document["paths"].values() for one in methods.values()]

    assert "3.1.0" == document["openapi"]
    assert set() == {ref for ref in references if ref.removeprefix("#/components/schemas/") not in schemas}
    for name in schemas:
        jsonschema_rs.validator_for(
            {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        )
    assert len(operations) == len({operation["operationId"] for operation in operations})
    for offer in (await customer.get("/v1/catalog"))["data"]:
        name = re.sub(r"\W+", "_", f"Input_{offer['model']}_{offer['task_type']}")
        assert offer["input_schema"] == schemas[name]


async def test_the_document_tells_inputs_apart(document: Any) -> None:
    """A submission is valid by the document only if its input is that of its model and task type."""
    schema = {"$ref": "#/components/schemas/TaskSubmission", "components": document["components"]}
    valid = jsonschema_rs.validator_for(schema).is_valid

    assert valid({"model": "echo", "task_type": "echo", "input": {"prompt": "x"}})
    assert not valid({"model": "echo", "task_type": "echo", "input": {"image": "x"}})
    assert not valid({"model": "nobody", "task_type": "echo", "input": {"prompt": "x"}})


class Page(HTMLParser):
    """The ids, links and tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One opening tag."""
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src"}:
                self.links.add(value or "")


async def test_the_reference_stands_alone(anybody: Api, module_server: Server) -> None:
    """The page needs no script, no inline style and nothing from another place, and its policy allows none."""
    status, headers, html = await anybody.call_raw("GET", "/docs")
    page = Page(html)
    policy = headers["content-security-policy"]

    assert (200, "text/html; charset=utf-8") == (status, headers["content-type"])
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not {"script", "style", "iframe"} & page.tags
    assert not [name for name in page.attributes if name == "style" or name.startswith("on")]
    assert {link for link in page.links if not link.startswith("#")} == {
        *("/docs/style.css", "/docs/icon.svg", "/openapi.json")
    }
    for link in ("/docs/style.css", "/docs/icon.svg"):
        assert 200 == (await anybody.call("GET", link))[0]
    assert module_server.url in html
    assert 304 == (await anybody.call_raw("GET", "/docs", if_none_match=headers["etag"]))[0]


async def test_the_reference_leaves_nothing_out(anybody: Api, document: Any) -> None:
    """Every operation and every error is on the page, every link inside it leads somewhere, every id is unique."""
    _, html = await anybody.call("GET", "/docs")
    page = Page(html)

    assert len(page.ids) == len(set(page.ids))
    assert set() == {link for link in page.links if link.startswith("#")} - {f"#{id_}" for id_ in page.ids}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert "op-" + operation["operationId"].replace("_", "-").lower() in page.ids
    for kind in all_errors():
        assert f"error-{kind.code}" in page.ids
    assert "$0.005 per image" in html


def test_every_error_has_a_code_of_its_own() -> None:
    """Codes are what clients decide by, so no two errors of the tree share one; statuses are real errors."""
    leaves: list[type[VermilionError]] = [kind for kind in all_errors() if kind is not VermilionError]

    assert len(leaves) == len({kind.code for kind in leaves})
    assert all(400 <= kind.status < 600 and kind.__doc__ for kind in leaves)
