"""Fixtures shared by all tests: one PostgreSQL a session, a fresh database or a whole server where one is needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from tests.support.packs import installed_packs
from tests.support.s3 import s3_server
from tests.support.server import Api, Server, new_customer, operator_of

from vermilion.storage.database import Database
from vermilion.storage.postgres.embedded import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded PostgreSQL for the whole session."""
    with asyncio.Runner() as runner:
        server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
        dsn = runner.run(server.start())
        yield dsn
        runner.run(server.stop())


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of a real S3 server."""
    with s3_server(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def template_name(postgres_dsn: str) -> str:
    """A database with the schema, to copy from."""

    async def make() -> str:
        await _create(postgres_dsn, "vermilion_template")
        database = Database(_named(postgres_dsn, "vermilion_template"))
        await database.open()
        await database.close()
        return "vermilion_template"

    return asyncio.run(make())


@pytest.fixture
async def database_url(postgres_dsn: str, template_name: str) -> AsyncIterator[str]:
    """The address of a fresh database with the schema."""
    name = f"test_{uuid4().hex}"
    await _create(postgres_dsn, name, template_name)
    yield _named(postgres_dsn, name)
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open fresh database."""
    database = Database(database_url)
    await database.open()
    yield database
    await database.close()


@pytest.fixture(scope="module")
def module_server(
    request: pytest.FixtureRequest,
    postgres_dsn: str,
    template_name: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """One running gateway for all tests of a module, with the module's `SETTINGS` and engine `PACKS` if it names any;
    they tell each other apart by their customers.
    """
    name = f"module_{uuid4().hex}"
    data_dir = tmp_path_factory.mktemp("gateway")
    if packs := getattr(request.module, "PACKS", ()):
        (data_dir / "packs").symlink_to(installed_packs(*packs).folder, target_is_directory=True)
    with asyncio.Runner() as runner:
        runner.run(_create(postgres_dsn, name, template_name))
        settings = getattr(request.module, "SETTINGS", {})
        server = Server(data_dir, DATABASE_URL=_named(postgres_dsn, name), **settings)
        runner.run(server.start())
        yield server
        runner.run(server.stop())


@pytest.fixture
async def operator(module_server: Server) -> AsyncIterator[Api]:
    """The operator of the module's gateway."""
    async with operator_of(module_server) as api:
        yield api


@pytest.fixture
async def customer(operator: Api) -> Api:
    """A fresh, well-funded customer of the module's gateway."""
    return await new_customer(operator)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder for a gateway of the test's own."""
    return tmp_path / "data"


async def _create(dsn: str, name: str, template: str = "template1") -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    await connection.close()


def _named(dsn: str, name: str) -> str:
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
