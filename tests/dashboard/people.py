"""People at the dashboard, as tests need them: browsers without a screen that keep cookies and send forms."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from tests.support.server import Api

PASSWORD = "correct horse battery staple"
TOKEN = re.compile(r'name="csrf" value="([0-9a-f]{64})"')


@dataclass
class Seen:
    """An answer, read whole."""

    status: int
    path: str
    headers: Mapping[str, str]
    text: str


class Person:
    """Somebody with a browser; `csrf` is the token of the page seen last."""

    def __init__(self, url: str) -> None:
        self.session = aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.origin = url
        self.csrf = ""

    async def see(self, path: str, **headers: str) -> Seen:
        """Open a page, following redirects."""
        return await self._ask("GET", path, headers=headers)

    async def send(self, path: str, *, follow: bool = True, **fields: str | list[str]) -> Seen:
        """Send a form from the page seen last; a list is a field that is there several times."""
        form = [("csrf", self.csrf)] if "csrf" not in fields else []
        for name, given in fields.items():
            form += [(name, value) for value in ([given] if isinstance(given, str) else given)]
        return await self._ask(
            "POST", path, headers={"origin": self.origin}, data=form, allow_redirects=follow
        )

    async def _ask(self, method: str, path: str, **options: object) -> Seen:
        async with self.session.request(method, path, **options) as answer:  # type: ignore[arg-type]
            text = await answer.text()
            seen = Seen(answer.status, answer.url.path_qs, answer.headers, text)
        found = TOKEN.search(text)
        self.csrf = found[1] if found else self.csrf
        return seen


async def join(
    operator: Api, account_id: str, url: str, *, role: str = "owner", email: str | None = None
) -> tuple[Person, str]:
    """A person who has just used their invitation to an account, and their e-mail."""
    email = email or f"{os.urandom(5).hex()}@example.com"
    made = await operator.post(
        f"/admin/v1/accounts/{account_id}/members", {"email": email, "name": "Ada", "role": role}
    )
    person = Person(url)
    path = urlsplit(made["link"]).path
    await person.see(path)
    seen = await person.send(path, password=PASSWORD)
    assert 200 == seen.status, seen.text
    return person, email


async def registered(operator: Api, account_id: object, url: str) -> str:
    """The e-mail of somebody who has a password, but is signed in nowhere."""
    person, email = await join(operator, str(account_id), url)
    await person.session.close()
    return email
