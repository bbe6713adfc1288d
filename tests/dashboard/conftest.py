"""People of a running gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.dashboard.people import Person, join
from tests.support.server import Api, Server


@pytest.fixture
async def owner(operator: Api, customer: Api, module_server: Server) -> AsyncIterator[Person]:
    """An owner of the fresh customer account, signed in."""
    assert customer.account_id is not None
    person, _ = await join(operator, customer.account_id, module_server.url)
    yield person
    await person.session.close()


@pytest.fixture
async def viewer(operator: Api, customer: Api, module_server: Server) -> AsyncIterator[Person]:
    """A viewer of the same account, signed in."""
    assert customer.account_id is not None
    person, _ = await join(operator, customer.account_id, module_server.url, role="viewer")
    yield person
    await person.session.close()


@pytest.fixture
async def stranger(module_server: Server) -> AsyncIterator[Person]:
    """Somebody who has not signed in."""
    person = Person(module_server.url)
    yield person
    await person.session.close()


@pytest.fixture
async def operator_person(operator: Api, module_server: Server) -> AsyncIterator[Person]:
    """An owner of the operator's account, signed in."""
    person, _ = await join(operator, (await operator.get("/v1/account"))["id"], module_server.url)
    yield person
    await person.session.close()
