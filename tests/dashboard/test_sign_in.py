"""Signing in: one-time links, passwords, throttling, sessions that end, forms that only our own pages may send."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from tests.dashboard.people import PASSWORD, Person, registered
from tests.support.server import Api, Server, new_customer

pytestmark = pytest.mark.slow


async def test_a_page_asks_for_a_sign_in_and_comes_back(
    operator: Api, customer: Api, module_server: Server, stranger: Person
) -> None:
    """Whoever opens a page signed out signs in and lands on that page with its filters."""
    email = await registered(operator, customer.account_id, module_server.url)

    asked = await stranger.see("/tasks?status=failed")
    landed = await stranger.send("/sign-in", email=email, password=PASSWORD, next="/tasks?status=failed")

    assert "/sign-in?next=" in asked.path
    assert (200, "/tasks?status=failed") == (landed.status, landed.path)


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:1"]
)
async def test_signing_in_never_leads_elsewhere(
    elsewhere: str, operator: Api, customer: Api, module_server: Server, stranger: Person
) -> None:
    """`next` is a path of ours or nothing."""
    email = await registered(operator, customer.account_id, module_server.url)
    await stranger.see("/sign-in")

    sent = await stranger.send("/sign-in", follow=False, email=email, password=PASSWORD, next=elsewhere)

    assert (303, "/") == (sent.status, sent.headers["location"])


async def test_wrong_passwords_lock_the_door_for_a_while(
    operator: Api, customer: Api, module_server: Server, stranger: Person
) -> None:
    """After a few wrong passwords even the right one has to wait, and the page says for how long."""
    email = await registered(operator, customer.account_id, module_server.url)
    await stranger.see("/sign-in")

    statuses = [(await stranger.send("/sign-in", email=email, password="wrong")).status for _ in range(8)]
    locked = await stranger.send("/sign-in", email=email, password=PASSWORD)

    assert 401 == statuses[0]
    assert 429 == statuses[-1]
    assert 429 == locked.status
    assert "Try again in" in locked.text


async def test_an_unknown_e_mail_is_told_nothing_more(stranger: Person) -> None:
    """The page does not say whether somebody has this e-mail."""
    await stranger.see("/sign-in")

    refused = await stranger.send("/sign-in", email="nobody@example.com", password="whatever it is")

    assert 401 == refused.status
    assert "The e-mail or the password is wrong." in refused.text


async def test_a_link_works_once(
    operator: Api, customer: Api, module_server: Server, stranger: Person
) -> None:
    """The second to come with an invitation's link learns that it has been used."""
    made = await operator.post(
        f"/admin/v1/accounts/{customer.account_id}/members", {"email": "once@example.com", "name": "Once"}
    )
    path = urlsplit(made["link"]).path
    await stranger.see(path)
    short = await stranger.send(path, password="short")
    first = await stranger.send(path, password=PASSWORD)
    again = await stranger.see(path)

    assert [422, 200, 404] == [short.status, first.status, again.status]
    assert "at least 10 characters" in short.text


async def test_forms_of_other_sites_do_nothing(owner: Person) -> None:
    """Neither a form without our token nor one that another site sent is taken."""
    await owner.see("/tasks")
    token, owner.csrf = owner.csrf, "0" * 64
    without = await owner.send("/sign-out")
    owner.csrf = token
    owner.origin = "https://evil.example"
    foreign = await owner.send("/sign-out")

    assert [403, 403] == [without.status, foreign.status]
    assert 200 == (await owner.see("/tasks")).status


async def test_signing_out_ends_the_session(owner: Person) -> None:
    """The cookie of a session that was ended opens nothing."""
    await owner.see("/tasks")
    cookies = {cookie.key: cookie.value for cookie in owner.session.cookie_jar}

    left = await owner.send("/sign-out", follow=False)
    owner.session.cookie_jar.update_cookies(cookies)
    after = await owner.see("/tasks")

    assert 303 == left.status
    assert left.headers["clear-site-data"] == '"cache"'
    assert after.path.startswith("/sign-in")


async def test_viewers_look_and_change_nothing(viewer: Person, customer: Api) -> None:
    """A viewer sees the account's tasks; cancelling one is refused on the server."""
    task = await customer.echo(latency_s=30)
    page = await viewer.see(f"/tasks/{task['id']}")

    refused = await viewer.send(f"/tasks/{task['id']}/cancel")

    assert 200 == page.status
    assert "Cancel</button>" not in page.text
    assert 403 == refused.status
    assert (await customer.get(f"/v1/tasks/{task['id']}"))["status"] in ("pending", "processing")


async def test_nobody_sees_another_accounts_task(owner: Person, operator: Api) -> None:
    """Somebody else's task is a page that does not exist."""
    theirs = await (await new_customer(operator)).echo()

    assert 404 == (await owner.see(f"/tasks/{theirs['id']}")).status


async def test_pages_carry_the_strict_policy(owner: Person) -> None:
    """Nothing inline, nothing from elsewhere, no framing, Trusted Types required."""
    policy = (await owner.see("/tasks")).headers["content-security-policy"]

    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "frame-ancestors 'none'" in policy
