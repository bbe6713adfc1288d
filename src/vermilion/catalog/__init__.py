"""The catalogue is data: one TOML file per model family, read here and nowhere else."""

from __future__ import annotations

from pathlib import Path

from vermilion.domain.catalogue import Catalogue, parse_family

FOLDER = Path(__file__).parent


def load_catalogue(*, echo: bool) -> Catalogue:
    """The packaged families, those for tests only with `echo`. Raises ValueError naming a file that is wrong."""
    families = [parse_family(path.read_bytes(), path.name) for path in sorted(FOLDER.glob("*.toml"))]
    return Catalogue(family for family in families if echo or family.family != "echo")
