"""Every act of the dashboard is checked on the server, whoever asks and whatever their page shows."""

from __future__ import annotations

from uuid import uuid4

import pytest
from tests.dashboard.people import Person
from tests.support.server import Api

from vermilion.faces.dashboard.routes import SCREENS
from vermilion.faces.dashboard.screens import Needs, Screen

pytestmark = pytest.mark.slow

ACTS = [screen for screen in SCREENS if screen.method == "POST"]
OWNERS_ACTS = [screen for screen in ACTS if screen.needs is Needs.OWNER]
OPERATOR_SCREENS = [screen for screen in SCREENS if screen.path.startswith("/operator")]


def path_of(screen: Screen) -> str:
    """The screen's path about something that does not exist."""
    return (
        screen.path.replace("{id}", str(uuid4()))
        .replace("{member}", str(uuid4()))
        .replace("{channel}", str(uuid4()))
        .replace("{token}", "none")
    )


def test_the_lists_are_not_empty() -> None:
    """The tables that the other tests go through hold what they should."""
    assert len(OWNERS_ACTS) > 10
    assert len(OPERATOR_SCREENS) > 20
    assert all(screen.needs in (Needs.OPERATOR, Needs.OPERATING_OWNER) for screen in OPERATOR_SCREENS)


async def test_nobody_acts_signed_out(stranger: Person) -> None:
    """Every act that needs somebody sends a stranger to the sign-in."""
    await stranger.see("/sign-in")
    for screen in ACTS:
        if screen.needs is not Needs.ANYONE:
            sent = await stranger.send(path_of(screen), follow=False)
            assert (303, True) == (sent.status, sent.headers["location"].startswith("/sign-in")), screen.path


async def test_viewers_act_nowhere(viewer: Person) -> None:
    """Every owner's act is refused to a viewer, before anything is looked at."""
    await viewer.see("/tasks")
    for screen in OWNERS_ACTS:
        assert 403 == (await viewer.send(path_of(screen))).status, screen.path


async def test_operators_pages_do_not_exist_for_customers(owner: Person) -> None:
    """For an owner of a customer account every operator path is a page that does not exist."""
    await owner.see("/tasks")
    for screen in OPERATOR_SCREENS:
        asked = owner.see if screen.method == "GET" else owner.send
        assert 404 == (await asked(path_of(screen))).status, screen.path


async def test_no_act_works_without_the_forms_token(owner: Person) -> None:
    """Every act is refused without the token of one's own page."""
    await owner.see("/tasks")
    for screen in ACTS:
        owner.csrf = ""
        assert (await owner.send(path_of(screen))).status in (403, 404), screen.path


async def test_what_belongs_to_others_cannot_be_acted_on(owner: Person, operator: Api) -> None:
    """Keys, tasks and endpoints of another account are not found by an owner's acts."""
    key = (await operator.get("/v1/keys"))["data"][0]
    await owner.see("/tasks")

    refused = await owner.send(f"/keys/{key['id']}/revoke", name=key["name"])

    assert 404 == refused.status
    assert (await operator.get("/v1/account"))["id"]


async def test_an_operator_views_and_changes_nothing(
    operator_person: Person, customer: Api, operator: Api
) -> None:
    """Viewing as a customer shows their tasks, refuses every act, is in the audit, and ends in one click."""
    task = await customer.echo("theirs", latency_s=60)
    await operator_person.see("/operator")
    viewed = await operator_person.send(f"/operator/accounts/{customer.account_id}/view")
    refused = await operator_person.send(f"/tasks/{task['id']}/cancel")
    ended = await operator_person.send("/operator/view/end")
    acts = (await operator.get("/admin/v1/audit"))["data"]

    assert "theirs" in viewed.text
    assert "Nothing you do here changes anything" in viewed.text
    assert 403 == refused.status
    assert 200 == ended.status
    assert str(customer.account_id) in {act["subject_id"] for act in acts if act["act"] == "account.view"}
