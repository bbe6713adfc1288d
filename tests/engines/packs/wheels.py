"""Tiny wheels that a test makes itself, and a folder of them for pip to install from instead of any index."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from vermilion.engines.packs.description import Join, Licences, Pack, Package, Probe


class WheelFolder:
    """Wheels on disk; pip, as the installer runs it, sees these and nothing else."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        folder.mkdir()
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(folder))

    def make(self, name: str, files: dict[str, bytes], version: str = "1.0") -> Package:
        """A wheel of these files that needs a package which does not exist."""
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        contents = {
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            "Requires-Dist: no-such-package-anywhere\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(f"{file},{_digest(body)},{len(body)}\n" for file, body in contents.items())
        with zipfile.ZipFile(path, "w") as wheel:
            for file, body in {**contents, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
                wheel.writestr(file, body)
        return Package(name, version, (hashlib.sha256(path.read_bytes()).hexdigest(),))


def a_pack(*packages: Package, version: str = "1", joins: tuple[Join, ...] = (), **more: object) -> Pack:
    """A description of a pack `tiny`."""
    described = {
        "title": "Tiny",
        "download_mb": 1,
        "engines": ("tiny",),
        "licences": Licences("MIT", "none"),
        "probe": Probe("tiny"),
        **more,
    }
    return Pack(name="tiny", version=version, packages=packages, joins=joins, **described)  # type: ignore[arg-type]


def _digest(body: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
