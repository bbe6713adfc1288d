"""Nodes and their signs of life, the database and the file store."""

from __future__ import annotations

import shutil

from starlette.responses import Response

from vermilion import __version__
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.storage import nodes


async def show(visit: Visit) -> Response:
    """The page."""
    database, settings = visit.gateway.database, visit.gateway.settings
    disk = shutil.disk_usage(settings.data_dir)
    return await page(
        visit,
        "operator/nodes.html",
        title="Nodes & health",
        nodes=await nodes.read_all(database),
        lease_s=settings.lease_s,
        facts=[
            ("Version", __version__),
            ("This node", settings.node_name),
            ("Role", settings.role),
            ("PostgreSQL", await database.server_version()),
            ("Database", "your own server" if settings.database_url else "built in"),
            ("Files", settings.media_url.partition("?")[0] or "in the data folder"),
            ("Disk free", f"{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB"),
        ],
    )
