"""Builds everything from the settings and ties it together; the only module that knows every layer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from vermilion import faults
from vermilion.catalog import load_catalogue
from vermilion.domain.plan_rules import read_rules
from vermilion.egress.client import GuardedClient
from vermilion.engines.packs.shelf import Shelf
from vermilion.errors import EnginePackMissing, ServiceUnavailable
from vermilion.hooks import WEBHOOK_FACES, channels
from vermilion.ids import new_id
from vermilion.inspection import inspecting
from vermilion.logs import get_logger
from vermilion.providers.manifest import provider_ids
from vermilion.providers.protocol import AdapterContext
from vermilion.providers.registry import Registry
from vermilion.services.gateway import Gateway, Inspector
from vermilion.services.key_cache import KeyCache
from vermilion.services.member_links import claim_operator
from vermilion.services.offer_book import OfferBook
from vermilion.services.open_account import ensure_operator
from vermilion.services.send_chat import ChatSender
from vermilion.services.served_queues import ServedQueues
from vermilion.services.watchers import Watchers
from vermilion.services.word_lists import WordLists
from vermilion.settings import Settings
from vermilion.storage import (
    accounts,
    banned_words,
    connections,
    deliveries,
    endings,
    flights,
    hand_backs,
    nodes,
    submissions,
    tasks,
)
from vermilion.storage.batching import Batcher
from vermilion.storage.blobs import open_blobs
from vermilion.storage.database import Database
from vermilion.storage.listener import Listener
from vermilion.storage.master_key import MasterKeyMismatch, claim_database, read_master_key
from vermilion.storage.postgres.embedded import EmbeddedPostgres, EmbeddedPostgresError
from vermilion.storage.postgres.guard import PostgresGuard
from vermilion.storage.submission_memory import SubmissionMemory
from vermilion.workers.cataloguer import Cataloguer
from vermilion.workers.deliverer import Deliverer
from vermilion.workers.describer import Describer
from vermilion.workers.dispatcher import Dispatcher
from vermilion.workers.drain import cut, drain
from vermilion.workers.keeper import Keeper
from vermilion.workers.pilot import Pilot
from vermilion.workers.porter import carry_batches
from vermilion.workers.presence import Presence

WEBHOOK_CONNECTIONS_MAX = 2_000
WEBHOOK_LOOKUP_THREADS = 64
WORKING_ROLES = ("all", "worker", "engine")
#: What the operator has to mend before a gateway can start; each says how.
START_REFUSALS = (EmbeddedPostgresError, MasterKeyMismatch, ServiceUnavailable)
log = get_logger("bootstrap")


@dataclass(slots=True)
class Running:
    """A gateway at work. `first_operator_key` is set once, when the first operator was made just now."""

    gateway: Gateway
    registry: Registry
    listener: Listener
    pilot: Pilot | None = None
    dispatcher: Dispatcher | None = None
    presence: Presence | None = None
    loops: list[Any] = field(default_factory=list)
    first_operator_key: str | None = None
    claim_path: str | None = None  #: where the operator chooses a password, until somebody has
    draining: bool = False
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    failure: asyncio.Future[None] | None = None


@asynccontextmanager
async def running(settings: Settings, hurry: asyncio.Event | None = None) -> AsyncIterator[Running]:
    """A gateway that is at work inside the block and drained after it; `hurry` cuts the drain short."""
    faults.arm(settings.test_fault)
    settings = _named(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        database = await _open_database(settings, stack)
        gateway = await _build_gateway(settings, database, stack)
        await gateway.offer_book.refresh()
        built = await _build_workers(gateway, stack)
        built.hurry = hurry or built.hurry
        built.first_operator_key = await ensure_operator(gateway)
        built.claim_path = await claim_operator(gateway)
        await nodes.register(database, node_id=gateway.node_id, name=settings.node_name, role=settings.role)
        await gateway.served.refresh()
        await _run_loops(built, stack)
        yield built
        await _drain(built)


def _named(settings: Settings) -> Settings:
    """The settings with a whole path, for workers run elsewhere, and a node name that no other live process has."""
    node_name = settings.node_name or f"{socket.gethostname()}:{settings.port}"
    return settings.model_copy(update={"data_dir": settings.data_dir.absolute(), "node_name": node_name})


async def _open_database(settings: Settings, stack: AsyncExitStack) -> Database:
    if settings.database_url is not None:
        dsn = settings.database_url.get_secret_value()
    else:
        server = EmbeddedPostgres(settings.data_dir, bin_dir=settings.pg_bin)
        stack.push_async_callback(server.stop)
        dsn = await server.start()
        stack.enter_context(PostgresGuard(server))
    database = Database(dsn, connections_max=settings.database_connections_max, traced=settings.testing)
    stack.push_async_callback(database.close)
    await database.open()
    return database


async def _build_gateway(settings: Settings, database: Database, stack: AsyncExitStack) -> Gateway:
    given = settings.secret_key.get_secret_value() if settings.secret_key else None
    master_key = read_master_key(given, settings.data_dir)
    await claim_database(database, master_key)
    egress = GuardedClient(settings.egress_allow)
    stack.push_async_callback(egress.close)
    # A client of its own: what receivers do to their connections and names is no matter of files'.
    webhook_egress = GuardedClient(
        settings.egress_allow, connections_max=WEBHOOK_CONNECTIONS_MAX, lookup_threads=WEBHOOK_LOOKUP_THREADS
    )
    stack.push_async_callback(webhook_egress.close)
    inspect = await stack.enter_async_context(
        inspecting(settings.data_dir / "work", Shelf(settings.data_dir))
    )
    await _check_guard(settings, database, inspect)
    memory = SubmissionMemory()
    return Gateway(
        settings=settings,
        node_id=new_id(),
        database=database,
        offer_book=OfferBook(database, load_catalogue(echo=settings.echo)),
        blobs=open_blobs(settings.media_url, data_dir=settings.data_dir),
        egress=egress,
        webhook_egress=webhook_egress,
        inspect=inspect,
        served=ServedQueues(database),
        watchers=Watchers(),
        keys=KeyCache(lambda hash_: accounts.read_bearer(database, hash_)),
        words=WordLists(lambda account_id: banned_words.read_rules(database, account_id)),
        signing_key=master_key,
        submissions=Batcher(
            lambda batch: submissions.accept(database, batch, memory), foresee=memory.foresee
        ),
        reads=Batcher(lambda ids: tasks.read_many(database, ids)),
        connection_reads=Batcher(lambda ids: connections.read_many(database, ids)),
        endings=Batcher(lambda batch: endings.end_tasks(database, batch)),
        submission_notes=Batcher(lambda notes: flights.mark_submissions(database, notes)),
        progress_notes=Batcher(lambda notes: flights.keep_progress(database, notes)),
        hand_backs=Batcher(lambda notes: hand_backs.hand_back(database, notes)),
        attempts=Batcher(lambda attempts: deliveries.note(database, attempts)),
    )


async def _check_guard(settings: Settings, database: Database, inspect: Inspector) -> None:
    """Whoever wants pictures checked must have what checks them, on every node. Raises EnginePackMissing."""
    checks = {"VERMILION_MEDIA_CHECK": settings.media_check}
    for plan in await accounts.read_plans(database):
        checks[f"media_check of the plan {plan.id!r}"] = read_rules(plan.rules).media_check or "off"
    wanted = [f"{name}={check}" for name, check in checks.items() if check != "off"]
    if not wanted:
        return
    try:
        await inspect.require_guard()
    except EnginePackMissing as missing:
        raise EnginePackMissing(f"{missing.detail} It is asked for by {', '.join(wanted)}.") from None


async def _build_workers(gateway: Gateway, stack: AsyncExitStack) -> Running:
    settings = gateway.settings
    listener = Listener(gateway.database.dsn)
    pilots: list[Pilot] = []
    registry = Registry(
        _providers(settings),
        AdapterContext(wake=lambda task_id: _wake(pilots, task_id), data_dir=settings.data_dir),
        {
            "echo": {"journal": settings.test_echo_journal},
            "local": {
                "workers": settings.engine_workers,
                "memory_bytes_max": settings.engine_memory_mib * 2**20,
                "job_timeout_s": settings.engine_job_timeout_s,
            },
        },
    )
    stack.push_async_callback(registry.close)
    built = Running(gateway, registry, listener)
    if settings.role in WORKING_ROLES:
        built.presence = Presence(gateway, registry.manifests, Shelf(settings.data_dir).ready)
        await built.presence.announce()
        built.pilot = Pilot(gateway, registry)
        pilots.append(built.pilot)
        built.dispatcher = Dispatcher(gateway, built.pilot, providers=frozenset(registry.manifests))
    return built


def _wake(pilots: list[Pilot], task_id: UUID) -> None:
    for pilot in pilots:
        pilot.wake(task_id)


def _providers(settings: Settings) -> list[str]:
    if settings.role == "api":
        return []
    if settings.role == "engine":
        return ["local"]
    return [id_ for id_ in provider_ids() if settings.echo or id_ != "echo"]


async def _run_loops(built: Running, stack: AsyncExitStack) -> None:
    """Start every loop; the first one that dies is the process's failure, said loudly."""
    gateway = built.gateway
    built.failure = asyncio.get_running_loop().create_future()
    built.listener.on("vermilion_task", gateway.watchers.changed)
    built.listener.on("vermilion_key", gateway.keys.clear)
    built.listener.on_reconnect(gateway.watchers.wake_all)
    built.listener.on_reconnect(gateway.keys.clear)
    built.listener.on("vermilion_words", gateway.words.changed)
    built.listener.on_reconnect(gateway.words.clear)
    cataloguer = Cataloguer(gateway, built.presence)
    built.listener.on("vermilion_terms", cataloguer.changed)
    loops = [built.listener.run(), Keeper(gateway, built.pilot).run(), cataloguer.run()]
    if built.presence is not None:
        loops.append(built.presence.run())
    if built.pilot is not None and built.dispatcher is not None:
        chats = ChatSender()
        stack.callback(chats.close)
        deliverer = Deliverer(gateway, WEBHOOK_FACES, channels(chats))
        built.listener.on("vermilion_work", built.dispatcher.work_arrived)
        built.listener.on("vermilion_connection", built.dispatcher.connections_changed)
        built.listener.on("vermilion_cancel", lambda payload: _cancel(built, payload))
        built.listener.on("vermilion_delivery", deliverer.delivery_due)
        describer = Describer(gateway, built.registry)
        built.listener.on("vermilion_describe", describer.asked)
        loops += [built.pilot.run(), built.dispatcher.run(), deliverer.run(), describer.run()]
        loops.append(carry_batches(gateway))
    for loop in loops:
        task = asyncio.create_task(loop)
        task.add_done_callback(lambda done: _loop_ended(built, done))
        built.loops.append(task)
    stack.push_async_callback(_stop_loops, built)


def _cancel(built: Running, payload: str) -> None:
    if built.pilot is not None:
        built.pilot.cancel(UUID(payload))


def _loop_ended(built: Running, done: asyncio.Task[None]) -> None:
    if built.draining or done.cancelled() or built.failure is None or built.failure.done():
        return
    built.failure.set_exception(done.exception() or RuntimeError("a loop ended by itself"))


def begin_drain(built: Running) -> None:
    """Claim nothing more and let nobody wait; what is in hand goes on."""
    built.draining = True
    if built.dispatcher is not None:
        built.dispatcher.stop()
    built.gateway.watchers.close()


async def _drain(built: Running) -> None:
    begin_drain(built)
    await drain(built.gateway, built.pilot, built.hurry)


async def _stop_loops(built: Running) -> None:
    built.draining = True
    await cut(built.loops)
    if built.failure is not None:
        built.failure.cancel()
