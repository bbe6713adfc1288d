"""Signing in through an OpenID Connect issuer, a real one on this machine: only invited people get in."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest
from tests.dashboard.people import Person, registered
from tests.support.server import Server, free_port, new_customer, operator_of

pytestmark = pytest.mark.slow


@dataclass
class Place:
    """A gateway, its issuer, and somebody who was invited."""

    server: Server
    issuer: str
    email: str

    async def arrive(self, person: Person, sub: str) -> tuple[int, str, str]:
        """Go through the issuer as `sub`; answers (status, path, text) of where one lands."""
        begun = await person.session.get("/sign-in/oidc?next=/wallet", allow_redirects=False)
        async with aiohttp.ClientSession() as browser:
            chosen = await browser.post(begun.headers["location"], data={"sub": sub}, allow_redirects=False)
        back = urlsplit(chosen.headers["location"])
        seen = await person.see(f"{back.path}?{back.query}")
        return seen.status, seen.path, seen.text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A gateway whose people may sign in with an issuer."""
    with _issuer() as address, asyncio.Runner() as runner:
        server = Server(
            tmp_path_factory.mktemp("oidc"),
            VERMILION_OIDC_ISSUER=address,
            VERMILION_OIDC_CLIENT_ID="vermilion",
            VERMILION_OIDC_CLIENT_SECRET="secret",
            VERMILION_OIDC_NAME="Example",
        )
        runner.run(server.start())
        yield Place(server, address, runner.run(_invited(server, address)))
        runner.run(server.stop())


@contextmanager
def _issuer() -> Iterator[str]:
    """The address of an issuer in a process of its own."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://localhost:{port}"
        wait_for(f"{address}/.well-known/openid-configuration")
        yield address
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str) -> None:
    """Come back once something answers."""
    for _ in range(200):
        with suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


async def _invited(server: Server, issuer: str) -> str:
    async with operator_of(server) as operator, aiohttp.ClientSession() as session:
        customer = await new_customer(operator)
        email = await registered(operator, customer.account_id, server.url)
        for sub, claims in {
            "ada": {"email": email, "email_verified": True},
            "eve": {"email": email, "email_verified": False},
            "bob": {"email": "bob@elsewhere.example", "email_verified": True},
        }.items():
            (await session.put(f"{issuer}/users/{sub}", json=claims)).raise_for_status()
        return email


@pytest.fixture
async def person(place: Place) -> AsyncIterator[Person]:
    """Somebody with a fresh browser."""
    visitor = Person(place.server.url)
    yield visitor
    await visitor.session.close()


async def test_the_sign_in_page_offers_the_issuer(place: Place, person: Person) -> None:
    """The button carries the issuer's name."""
    assert "Sign in with Example" in (await person.see("/sign-in")).text


async def test_who_was_invited_gets_in(place: Place, person: Person) -> None:
    """A verified e-mail that was invited opens the page that was asked for, and the identity is known from then on."""
    assert (200, "/wallet") == (await place.arrive(person, "ada"))[:2]


@pytest.mark.parametrize("sub", ["bob", "eve"])
async def test_nobody_else_gets_in(sub: str, place: Place, person: Person) -> None:
    """Neither somebody without an invitation nor one whose e-mail the issuer has not verified."""
    status, _, text = await place.arrive(person, sub)

    assert 401 == status
    assert "invited" in text
    assert (await person.see("/wallet")).path.startswith("/sign-in")


async def test_a_sign_in_that_was_not_begun_here_is_refused(place: Place, person: Person) -> None:
    """A code that somebody plants in another browser opens nothing."""
    await person.session.get("/sign-in/oidc", allow_redirects=False)

    planted = await person.see("/sign-in/oidc/back?state=planted&code=stolen")

    assert 401 == planted.status
    assert "not begun here" in planted.text
