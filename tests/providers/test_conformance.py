"""Every adapter keeps the contract of `providers/protocol.py` and the promises of its manifest."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.providers.conformance import Case, Excuse, ProviderDriver, Wish, cases, drivers

from vermilion.domain.outcomes import (
    Accepted,
    ConnectionState,
    Progress,
    Rejected,
    Succeeded,
    Unavailable,
    Unknown,
)
from vermilion.providers.manifest import FOLDER, provider_ids, read_manifest
from vermilion.providers.protocol import Adapter

NOBODYS = "01900000-0000-7000-8000-000000000000"
GARBAGE = (
    b"",
    b"\xff\x00\xfe",
    b"<html>502 Bad Gateway</html>",
    b"[]",
    b"null",
    b"{}",
    b'{"id": 1e999, "task_id": ["x"]}',
    b'{"task_id": "%s"}' % NOBODYS.encode(),
    b"[" * 10_000,
)
ENDS = (Case.SUCCEEDS, Case.SLOW, Case.FAILS, Case.REFUSED, Case.OVERLOADED, Case.UNANSWERED, Case.MALFORMED)


@pytest.fixture
async def driver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ProviderDriver]:
    """The driver of the test's provider, with a running adapter."""
    driver = drivers()[request.param](request.param, tmp_path)
    await driver.open()
    yield driver
    await driver.close()


every_provider = pytest.mark.parametrize("provider", provider_ids())
every_driver = pytest.mark.parametrize("driver", provider_ids(), indirect=True)


def for_cases(*wanted: Case) -> pytest.MarkDecorator:
    """One test for every provider that has a job for one of these cases."""
    return pytest.mark.parametrize(("driver", "case"), cases(*wanted), indirect=["driver"])


@every_provider
def test_the_manifest_is_valid(provider: str) -> None:
    """The folder's name is the id, and every time and limit can be worked with."""
    manifest = read_manifest(provider)
    assert provider == manifest.id
    assert (FOLDER / provider / "adapter.py").is_file()
    assert manifest.name
    assert min(manifest.submit_timeout_s, manifest.check_timeout_s, manifest.checks_after_s) > 0
    assert manifest.concurrency_max > 0
    assert manifest.auth == "none" or manifest.terms, "an operator must be told what linking an account means"


@every_provider
def test_every_case_is_played_or_excused(provider: str) -> None:
    """A provider may lack a case, but has to say why."""
    wishes = drivers()[provider].wishes
    assert set(Case) == set(wishes)
    assert all(isinstance(wish, Wish) or wish.reason for wish in wishes.values())
    assert not isinstance(wishes[Case.SUCCEEDS], Excuse)


@every_provider
def test_the_adapter_speaks_the_whole_protocol(provider: str) -> None:
    """It has every method, asynchronous where the protocol is, with the same arguments, and tells what it does."""
    module = importlib.import_module(f"vermilion.providers.{provider}.adapter")
    adapter = next(kind for name, kind in vars(module).items() if name.lower() == f"{provider}adapter")
    for name, method in inspect.getmembers(Adapter, inspect.isfunction):
        if not name.startswith("_"):
            mine = getattr(adapter, name)
            assert inspect.iscoroutinefunction(method) == inspect.iscoroutinefunction(mine), name
            assert list(inspect.signature(method).parameters) == list(inspect.signature(mine).parameters)
            assert mine.__doc__


@for_cases(Case.SUCCEEDS, Case.SLOW)
async def test_accepted_work_succeeds(driver: ProviderDriver, case: Case) -> None:
    """An accepted ticket can be checked until the work has ended, started once, with facts that can be stored."""
    job = driver.job(case)
    _, end = await driver.follow(job, await driver.submit(job))
    assert isinstance(end, Succeeded)
    assert 1 == await driver.starts(job)
    msgspec.json.encode((end.facts, end.provider_facts))
    for file in end.outputs:
        assert file.path is None or file.path.stat().st_size > 0


@for_cases(Case.SLOW)
async def test_progress_never_goes_back(driver: ProviderDriver, case: Case) -> None:
    """Percentages only rise, and a provider that promises progress shows some."""
    job = driver.job(case)
    seen, _ = await driver.follow(job, await driver.submit(job))
    percents = [progress.percent for progress in seen]
    assert sorted(percents) == percents
    assert any(0 < percent < 100 for percent in percents) or not driver.manifest.reports_progress


@for_cases(Case.SUCCEEDS, Case.FAILS)
async def test_an_end_can_be_asked_for_twice(driver: ProviderDriver, case: Case) -> None:
    """A node that dies after hearing of the end leaves it to another one to hear it again."""
    job = driver.job(case)
    accepted = await driver.submit(job)
    _, end = await driver.follow(job, accepted)
    if isinstance(accepted, Accepted):
        assert type(end) is type(await driver.check(job, accepted.ticket))


@for_cases(Case.FAILS)
async def test_failed_work_is_rejected(driver: ProviderDriver, case: Case) -> None:
    """Work that fails says why and whose turn it is; it is no exception and no success."""
    job = driver.job(case)
    _, end = await driver.follow(job, await driver.submit(job))
    assert isinstance(end, Rejected)


@for_cases(Case.REFUSED)
async def test_a_refusal_starts_nothing(driver: ProviderDriver, case: Case) -> None:
    """`Rejected` to a submit proves that no work is running, so that it may be tried elsewhere."""
    job = driver.job(case)
    assert isinstance(await driver.submit(job), Rejected)
    assert 0 == await driver.starts(job)


@for_cases(Case.OVERLOADED)
async def test_overload_starts_nothing(driver: ProviderDriver, case: Case) -> None:
    """`Unavailable` to a submit starts nothing and leaves the connection usable or resting."""
    job = driver.job(case)
    answer = await driver.submit(job)
    assert isinstance(answer, Unavailable)
    assert answer.connection_state in (ConnectionState.ACTIVE, ConnectionState.RESTING)
    assert answer.retry_after_s is None or answer.retry_after_s > 0
    assert 0 == await driver.starts(job)


@for_cases(Case.UNANSWERED, Case.MALFORMED)
async def test_what_may_have_started_is_unknown(driver: ProviderDriver, case: Case) -> None:
    """A submit without an answer that can be read never passes for a refusal: it would be submitted again."""
    assert isinstance(await driver.submit(driver.job(case)), Unknown)


@for_cases(Case.SLOW)
async def test_a_cancel_is_honest(driver: ProviderDriver, case: Case) -> None:
    """True only from a provider that can cancel and did; afterwards the work does not succeed."""
    job = driver.job(case)
    accepted = await driver.submit(job)
    assert isinstance(accepted, Accepted)
    stopped = await driver.adapter.cancel(job, accepted.ticket)
    assert driver.manifest.cancels is stopped
    after = await driver.check(job, accepted.ticket)
    assert not (stopped and isinstance(after, Succeeded))


@for_cases(Case.SUCCEEDS, Case.FAILS)
async def test_what_has_ended_cannot_be_cancelled(driver: ProviderDriver, case: Case) -> None:
    """A cancel that comes too late answers False, so that the row tells how the work ended."""
    job = driver.job(case)
    accepted = await driver.submit(job)
    await driver.follow(job, accepted)
    if isinstance(accepted, Accepted):
        assert not await driver.adapter.cancel(job, accepted.ticket)


@for_cases(Case.FORGOTTEN)
async def test_a_forgotten_ticket_is_unknown(driver: ProviderDriver, case: Case) -> None:
    """Work that the upstream has forgotten is neither failed nor finished."""
    job = driver.job(case)
    _, end = await driver.follow(job, await driver.submit(job))
    assert isinstance(end, Unknown)


@every_driver
@pytest.mark.parametrize("ticket", ["no-such-ticket", NOBODYS, "{}", "", "\u2603" * 5_000])
async def test_a_foreign_ticket_is_unknown(driver: ProviderDriver, ticket: str) -> None:
    """A ticket that the upstream never gave, or no longer knows, is answered, not raised at."""
    job = driver.job(Case.SUCCEEDS)
    assert isinstance(await driver.check(job, ticket), Unknown)
    assert not await driver.adapter.cancel(job, ticket)


@for_cases(Case.SLOW)
async def test_a_lookup_by_task_finds_the_ticket(driver: ProviderDriver, case: Case) -> None:
    """Without a ticket the answer is the ticket, from providers that promise lookups, or that it is not known."""
    job = driver.job(case)
    assert isinstance(await driver.check(job, None), Unknown)
    accepted = await driver.submit(job)
    assert isinstance(accepted, Accepted)
    match await driver.check(job, None):
        case Accepted(ticket):
            assert accepted.ticket == ticket
        case other:
            assert isinstance(other, Unknown)
            assert not driver.manifest.looks_up


@for_cases(Case.SLOW)
async def test_repeating_a_submit_starts_nothing_more(driver: ProviderDriver, case: Case) -> None:
    """A provider that takes our id for its own starts one job for it, however often it is asked."""
    if not driver.manifest.accepts_client_id:
        return
    job = driver.job(case)
    first, second = await driver.submit(job), await driver.submit(job)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.ticket == second.ticket
    assert 1 == await driver.starts(job)


@every_driver
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_callbacks_are_refused(driver: ProviderDriver, body: bytes) -> None:
    """What nobody signed speaks of no task, and nothing raises."""
    assert driver.adapter.parse_callback({}, body) is None
    assert driver.adapter.parse_callback({"x-signature": "AAAA", "content-type": "\xff"}, body) is None


@every_driver
async def test_a_connection_is_described(driver: ProviderDriver) -> None:
    """The upstream's word on a connection is a state and facts that can be shown."""
    described = await driver.adapter.describe_connection(driver.connection)
    assert isinstance(described.state, ConnectionState)
    msgspec.json.encode(described.facts)


@every_provider
async def test_closing_leaves_nothing_behind(tmp_path: Path, provider: str) -> None:
    """No process and no coroutine outlives `close`, even with work under way; closing twice is harmless."""
    before, tasks_before = set(psutil.Process().children(recursive=True)), asyncio.all_tasks()
    driver = drivers()[provider](provider, tmp_path)
    await driver.open()
    job = driver.job(Case.SLOW)
    accepted = await driver.submit(job)
    assert isinstance(accepted, Accepted)
    assert isinstance(await driver.check(job, accepted.ticket), Progress)
    await driver.close()
    await driver.adapter.close()
    left = set(psutil.Process().children(recursive=True)) - before
    assert set() == {child for child in left if child.is_running() and child.status() != psutil.STATUS_ZOMBIE}
    assert set() == asyncio.all_tasks() - tasks_before


@for_cases(*ENDS)
async def test_answers_stay_in_the_vocabulary(driver: ProviderDriver, case: Case) -> None:
    """Whatever the upstream does, the adapter neither raises nor answers in words of its own."""
    job = driver.job(case)
    answer = await driver.submit(job)
    if isinstance(answer, Accepted):
        await driver.check(job, answer.ticket)
    await driver.check(job, None)
