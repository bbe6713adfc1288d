"""A gateway whose files lie on S3 serves them as one with a local folder does."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.support.s3 import s3_environment
from tests.support.server import Server, new_customer, operator_of

pytestmark = pytest.mark.slow


async def test_outputs_are_kept_on_s3(database_url: str, s3_endpoint: str, data_dir: Path) -> None:
    """A task's output is stored in the bucket, read back through its signed link, and in no local folder."""
    server = Server(
        data_dir,
        DATABASE_URL=database_url,
        VERMILION_MEDIA_URL="s3://media-tests/gateway",
        **s3_environment(s3_endpoint),
    )
    await server.start()
    try:
        async with operator_of(server) as operator:
            customer = await new_customer(operator)
            task = await customer.echo("on S3", prefer="wait=20", files=1)
            [asset] = task["output"]["assets"]
            link = urlsplit(asset["url"])
            status, _, body = await customer.call_raw("GET", f"{link.path}?{link.query}")
    finally:
        await server.stop()

    assert (200, "1: on S3\n") == (status, body)
    assert not (data_dir / "media").exists()
