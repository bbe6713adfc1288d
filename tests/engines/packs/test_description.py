"""The descriptions of packs, against the catalogue, the engines and the documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from vermilion.catalog import load_catalogue
from vermilion.engines.packs.built_in import built_in_parts
from vermilion.engines.packs.description import Pack, known_packs, pack_of
from vermilion.engines.registry import ENGINES, load_engine
from vermilion.engines.weights import SHA256
from vermilion.providers.local.engine_of import ENGINE_OF

DOCS = Path(__file__).resolve().parents[3] / "docs" / "engines.md"
PACKS = list(known_packs().values())


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_every_package_is_pinned_by_checksums(pack: Pack) -> None:
    """No package without them, and none that is no SHA-256."""
    assert all(package.sha256 for package in pack.packages)
    assert all(len(bytes.fromhex(sha256)) == 32 for package in pack.packages for sha256 in package.sha256)


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_engines_of_packs_exist_and_import_nothing_of_them(pack: Pack) -> None:
    """The modules load without the pack: what it brings is imported when it is needed, in the worker."""
    for engine in (*pack.engines, pack.probe.engine):
        assert callable(load_engine(ENGINES[engine]))


def test_offers_name_the_pack_that_their_engine_runs_on() -> None:
    """The catalogue and the packs say the same of every local offer, and no pack is without one."""
    offers = [offer for offer in load_catalogue(echo=False).offers.values() if offer.key in ENGINE_OF]
    packs = {offer.key: pack_of(ENGINE_OF[offer.key]) for offer in offers}
    assert {offer.key: offer.pack for offer in offers} == {
        key: pack.name if pack else None for key, pack in packs.items()
    }
    assert {pack.name for pack in PACKS} == {offer.pack for offer in offers if offer.pack}


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.name)
def test_the_documentation_tells_of_every_pack(pack: Pack) -> None:
    """Its row names size and licences as the description does."""
    cells = (
        f"`{pack.name}`",
        pack.title,
        f"{pack.download_mb} MB",
        pack.licences.code,
        pack.licences.weights,
    )
    assert f"| {' | '.join(cells)} |" in DOCS.read_text(encoding="utf-8")


def test_every_weights_file_belongs_to_a_part_of_the_box() -> None:
    """`engines list` can tell whose each is."""
    assert sorted(SHA256) == sorted(name for part in built_in_parts() for name in part.files)
