"""The connection to PostgreSQL breaks between a commit and its answer: nothing is lost and nothing is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.crash.conftest import MakeNode
from tests.crash.scene import Attempt, all_ended, insist, nothing_is_wrong
from tests.support.proxy import Proxy
from tests.support.server import new_customer, operator_of

pytestmark = pytest.mark.slow

#: What each transaction says when it is prepared and what commits it, by the step of a task's life.
#: Accepting is one statement, committed when it is run with its parameters.
STEPS = {
    "accept": (b"INSERT INTO tasks", b'{"prompt":"once"'),
    "claim": (b"running = running + $2", b"COMMIT;"),
    "end": (b"UPDATE tasks SET status = e.status", b"COMMIT;"),
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_commit_without_an_answer_counts_once(
    step: str, database_url: str, node: MakeNode, tmp_path: Path
) -> None:
    """The task completes without a restart, is submitted once, and its retried post finds it again."""
    async with Proxy(database_url) as proxy:
        server = await node("data", proxy.dsn).start()
        async with operator_of(server) as operator:
            customer = await new_customer(operator)
            body = {"model": "echo", "task_type": "echo", "input": {"prompt": "once", "latency_s": 0.2}}
            wanted = Attempt({**body, "deadline_s": 60})
            proxy.swallow_commit_after(*STEPS[step])
            await insist(customer, [wanted], lambda: server.url)
            await all_ended(database_url, timeout_s=10)
            assert proxy.swallowed.is_set()
            tasks = await nothing_is_wrong(operator, database_url, tmp_path / "journal")
            assert {wanted.task_id: "completed"} == {id_: row["status"] for id_, row in tasks.items()}
        assert 0 == await server.stop(), server.log()
