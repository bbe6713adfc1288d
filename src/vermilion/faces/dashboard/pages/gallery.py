"""What was made and is still kept, newest first, at its own shape: liked, downloaded, deleted, one or many at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from starlette.responses import Response, StreamingResponse

from vermilion.domain.catalogue import Offer
from vermilion.errors import InvalidRequest, NotFound
from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.pages.tasks import HOURS, RANGES, cursor_of
from vermilion.faces.dashboard.shown_task import ShownFile, shown_file, subject_of
from vermilion.faces.dashboard.visit import Visit, see
from vermilion.services.delete_media import delete_files
from vermilion.services.pack_media import file_name, pack_media
from vermilion.storage import gallery
from vermilion.storage.gallery import OutputFilter, OutputRow

PAGE = 30
PICKED_MAX = 200
KINDS = {"": "Everything", "image": "Pictures", "video": "Films", "audio": "Sound", "model": "3-D"}
#: What a file of a kind may be the beginning of, where it is offered: the offer, and its field for the file.
NEXT = {
    "image": ("composer", "image-to-image", "image"),
    "video": ("cutout", "remove-video-background", "video"),
    "audio": ("listen", "transcribe", "audio"),
}


@dataclass(frozen=True, slots=True)
class ShownOutput:
    """One output in the gallery; `use_path` leads to a form that begins with it."""

    file: ShownFile
    task_id: UUID
    subject: str
    model: str
    favourite: bool
    name: str
    use_path: str


async def show(visit: Visit) -> Response:
    """A page of outputs, narrowed by the filters of the URL."""
    filters = _filters(visit)
    hours = HOURS.get(filters["range"])
    wanted = OutputFilter(
        account_id=visit.account_id,
        kind=filters["kind"] or None,
        model=filters["model"] or None,
        since=datetime.now(UTC) - timedelta(hours=hours) if hours else None,
        favourites=bool(filters["liked"]),
    )
    rows = await gallery.read_page(visit.gateway.database, wanted, before=cursor_of(visit), limit=PAGE + 1)
    return await page(
        visit,
        "pages/gallery.html",
        title="Gallery",
        outputs=[_shown(visit, row) for row in rows[:PAGE]],
        filters=filters,
        kinds=KINDS,
        ranges=RANGES,
        models=visit.gateway.catalogue.models_listed,
        here=_query(visit),
        older=_link(visit, before=str(rows[PAGE - 1].asset.id)) if len(rows) > PAGE else "",
        newest=_link(visit) if visit.query("before") else "",
    )


async def download(visit: Visit) -> Response:
    """What was picked: one file as it is, several as a ZIP archive."""
    files = await gallery.read_picked(visit.gateway.database, visit.account_id, _picked(visit))
    if not files:
        raise NotFound("These files are not kept here any more.")
    if len(files) == 1:
        [file] = files
        body = await visit.gateway.blobs.read(file.account_id, file.sha256)
        return StreamingResponse(body, media_type=file.content_type, headers=_saved_as(file_name(file)))
    name = f"vermilion-{datetime.now(UTC):%Y-%m-%d}.zip"
    return StreamingResponse(
        pack_media(visit.gateway, files), media_type="application/zip", headers=_saved_as(name)
    )


async def favour(visit: Visit) -> Response:
    """Like what was picked, or no longer; a button beside one file names it and what it shall be."""
    one, _, wish = visit.text("star").partition(":")
    ids = [_id(one)] if one else _picked(visit)
    favourite = (wish or visit.text("act")) != "unlike"
    await gallery.set_favourite(visit.gateway.database, visit.account_id, ids, favourite=favourite)
    return see(_back(visit))


async def delete(visit: Visit) -> Response:
    """Delete what was picked, with every copy."""
    number = await delete_files(visit.gateway, visit.account_id, _picked(visit))
    return see(_back(visit), told=f"{number} {'file' if number == 1 else 'files'} deleted.")


def _saved_as(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}


def _shown(visit: Visit, row: OutputRow) -> ShownOutput:
    offers = visit.gateway.catalogue.offers
    offer = offers.get((row.model, row.task_type))
    assert row.asset.task_id is not None  # outputs are their tasks'
    file = shown_file(visit.gateway, row.asset)
    return ShownOutput(
        file=file,
        task_id=row.asset.task_id,
        subject=subject_of(msgspec.json.decode(row.input)) or (offer.title if offer else row.model),
        model=row.model,
        favourite=row.favourite,
        name=file_name(row.asset),
        use_path=_use_path(visit, file),
    )


def _use_path(visit: Visit, file: ShownFile) -> str:
    if file.kind not in NEXT:
        return ""
    model, task_type, field = NEXT[file.kind]
    offer: Offer | None = visit.gateway.catalogue.offers.get((model, task_type))
    if offer is None or offer.offered != "listed":
        return ""
    return f"/playground?offer={model}/{task_type}&{urlencode({field: str(file.id)})}"


def _filters(visit: Visit) -> dict[str, str]:
    return {
        "kind": visit.choice("kind", KINDS),
        "model": visit.query("model"),
        "range": visit.choice("range", RANGES),
        "liked": "yes" if visit.query("liked") else "",
    }


def _picked(visit: Visit) -> list[UUID]:
    picked = [_id(str(text)) for text in visit.form.getlist("pick")]
    if not picked:
        raise InvalidRequest("Select something first.")
    if len(picked) > PICKED_MAX:
        raise InvalidRequest(f"At most {PICKED_MAX} files can be selected at once.")
    return picked


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such file.") from None


def _query(visit: Visit, **more: str) -> str:
    named = {**_filters(visit), "before": str(cursor_of(visit) or ""), **more}
    return urlencode({name: value for name, value in named.items() if value})


def _link(visit: Visit, before: str = "") -> str:
    query = _query(visit, before=before)
    return f"/gallery?{query}" if query else "/gallery"


def _back(visit: Visit) -> str:
    """The page of the gallery that the form stands on."""
    here = visit.text("here")
    return f"/gallery?{here}" if here else "/gallery"
