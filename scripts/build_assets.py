"""Builds the dashboard's static files into the package from assets/package-lock.json and the dashboard's sources.

Copies fonts, joins style sheets and scripts in their order, makes one sprite of the icons that templates name, gives
every file a name that changes with its content, and writes manifest.json and the third parties' licences.
Needs npm (scripts/npm.py finds one). Nothing is transpiled. Run from the root: python -m scripts.build_assets
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.npm import npm_command

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "assets"
MODULES = ASSETS / "node_modules"
DASHBOARD = ROOT / "src" / "vermilion" / "faces" / "dashboard"
SOURCES = DASHBOARD / "sources"
STATIC = DASHBOARD / "static"
FONTS = {
    "geist.woff2": "@fontsource-variable/geist/files/geist-latin-wght-normal.woff2",
    "geist-mono.woff2": "@fontsource-variable/geist-mono/files/geist-mono-latin-wght-normal.woff2",
}
STYLES = ("tokens.css", "elements.css", "frame.css", "components.css")
#: One file, in this order: an extension that arrives after htmx has started misses the page.
SCRIPTS = (
    MODULES / "htmx.org/dist/htmx.min.js",
    SOURCES / "trust.js",
    MODULES / "htmx.org/dist/ext/hx-sse.min.js",
    MODULES / "htmx.org/dist/ext/hx-upsert.min.js",
    SOURCES / "app.js",
)
PACKAGES = (
    "htmx.org",
    "uplot",
    "lucide-static",
    "@fontsource-variable/geist",
    "@fontsource-variable/geist-mono",
)
#: Icons stand in templates as `icon("name")`, and in quotes in navigation and tables of states.
ICON_CALL = re.compile(r"""icon(?:_name=)?\(?\s*["']([a-z0-9-]+)["']""")
QUOTED = re.compile(r"""["']([a-z0-9]+(?:-[a-z0-9]+)*)["']""")
SHAPES = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)


def main() -> None:
    """Install what the lock file says, build, and replace the old files at once."""
    install_modules()
    files = built_files()
    fresh = STATIC.with_name("static.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for name, content in files.values():
        (fresh / name).write_bytes(content)
    (fresh / "manifest.json").write_text(json.dumps({logical: name for logical, (name, _) in files.items()}))
    shutil.rmtree(STATIC, ignore_errors=True)
    fresh.rename(STATIC)
    print(f"built {len(files)} files, {sum(len(content) for _, content in files.values()):,} bytes")


def install_modules() -> None:
    """`npm ci`, unless the modules that are there come from this very lock file."""
    lock = (ASSETS / "package-lock.json").read_bytes()
    stamp = MODULES / ".made-from"
    if stamp.is_file() and stamp.read_text() == hashlib.sha256(lock).hexdigest():
        return
    with tempfile.TemporaryDirectory() as folder:
        npm = npm_command(Path(folder))
        environment = {
            **os.environ,
            "npm_config_cache": str(Path(folder) / "npm"),  # not everybody has a home to keep one in
            "npm_config_update_notifier": "false",
        }
        if len(npm) > 1:  # its scripts ask for the node beside it
            environment["PATH"] = f"{Path(npm[0]).parent}{os.pathsep}{os.environ['PATH']}"
        subprocess.run([*npm, "ci", "--ignore-scripts"], cwd=ASSETS, check=True, env=environment)
    stamp.write_text(hashlib.sha256(lock).hexdigest())


def built_files() -> dict[str, tuple[str, bytes]]:
    """Every file: its name in templates, its hashed name, its bytes."""
    files: dict[str, tuple[str, bytes]] = {}

    def add(logical: str, content: bytes) -> None:
        stem, _, ending = logical.rpartition(".")
        files[logical] = (f"{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{ending}", content)

    for logical, source in FONTS.items():
        add(logical, (MODULES / source).read_bytes())
    style = "@layer tokens, elements, frame, components;\n" + "\n".join(
        (SOURCES / name).read_text() for name in STYLES
    )
    add("app.css", re.sub(r"\{\{(.+?)\}\}", lambda found: files[found[1]][0], style).encode())
    add("app.js", "\n".join(MAP.sub("", path.read_text()) for path in SCRIPTS).encode())
    add("mark.svg", (SOURCES / "mark.svg").read_bytes())
    add("icons.svg", icon_sprite().encode())
    add(
        "chart.js",
        MAP.sub("", (MODULES / "uplot/dist/uPlot.iife.min.js").read_text()).encode() + b"\n" + chart(),
    )
    add("chart.css", (MODULES / "uplot/dist/uPlot.min.css").read_bytes())
    add("third-party.txt", third_party().encode())
    return files


def chart() -> bytes:
    """Our part of the chart script, if it is there."""
    return (SOURCES / "chart.js").read_bytes() if (SOURCES / "chart.js").exists() else b""


def icon_sprite() -> str:
    """One SVG with the icons that templates and pages name. An unknown name in an `icon()` call is an error."""
    icons = MODULES / "lucide-static" / "icons"
    named: set[str] = set()
    for path in [*DASHBOARD.rglob("*.html"), *DASHBOARD.rglob("*.py")]:
        text = path.read_text()
        called = set(ICON_CALL.findall(text))
        if unknown := sorted(name for name in called if not (icons / f"{name}.svg").is_file()):
            sys.exit(f"{path.relative_to(ROOT)} names icons that do not exist: {', '.join(unknown)}")
        named |= called | {name for name in QUOTED.findall(text) if (icons / f"{name}.svg").is_file()}
    symbols = [
        f'<symbol id="{name}" viewBox="0 0 24 24">{shapes(icons / f"{name}.svg")}</symbol>'
        for name in sorted(named)
    ]
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


def shapes(path: Path) -> str:
    """What is inside an icon's svg element."""
    found = SHAPES.search(path.read_text())
    assert found is not None, path
    return re.sub(r"\s*\n\s*", "", found[1])


def third_party() -> str:
    """The licences of what is shipped."""
    parts = []
    for package in PACKAGES:
        folder = MODULES / package
        facts = json.loads((folder / "package.json").read_text())
        licence = next((p for p in sorted(folder.iterdir()) if p.name.upper().startswith("LICENSE")), None)
        text = licence.read_text() if licence else f"Licence: {facts.get('license')}"
        parts.append(f"{package} {facts['version']}\n\n{text.strip()}\n")
    return ("\n" + "=" * 80 + "\n\n").join(parts)


if __name__ == "__main__":
    main()
