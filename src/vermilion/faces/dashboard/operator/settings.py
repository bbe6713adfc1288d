"""Every setting: its value, its default, and where the value comes from."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.responses import Response

from vermilion.faces.dashboard.frame import page
from vermilion.faces.dashboard.visit import Visit
from vermilion.settings import PREFIX, Settings


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as a page shows it; secrets say only whether they are set."""

    name: str
    description: str
    value: str
    default: str
    source: str


async def show(visit: Visit) -> Response:
    """The page. Settings are read once at start: a change needs a restart."""
    return await page(
        visit, "operator/settings.html", title="Settings", settings=shown_settings(visit.gateway.settings)
    )


def shown_settings(settings: Settings) -> list[ShownSetting]:
    """Every setting in the order of their definition."""
    shown = []
    for name, field in Settings.model_fields.items():
        variable = str(field.validation_alias or PREFIX + name.upper())
        shown.append(
            ShownSetting(
                variable,
                field.description or "",
                _said(getattr(settings, name)),
                _said(field.default),
                "the environment" if variable in os.environ else "its default",
            )
        )
    return shown


def _said(value: object) -> str:
    if isinstance(value, SecretStr):
        return "set"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    return "" if value is None else str(value)
