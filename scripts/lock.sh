#!/bin/sh
# Recreates requirements/*.txt from pyproject.toml: every version pinned, every file hashed, no addresses.
# Options are handed to uv, for example --upgrade.
set -eu

UV_VERSION=0.13.9

cd "$(dirname "$0")/.."
tool=.cache/lock-$UV_VERSION

main() {
    install_uv
    compile requirements/build.txt --group build "$@"
    compile requirements/runtime.txt pyproject.toml "$@"
    compile requirements/dev.txt pyproject.toml --group dev --constraint requirements/runtime.txt "$@"
    python3 scripts/lock_packs.py "$tool/bin/uv"
    refuse_addresses
    echo "requirements: $(grep -c == requirements/dev.txt) packages locked"
}

install_uv() {
    [ -x "$tool/bin/uv" ] && return
    mkdir -p .cache
    python3 -m venv "$tool"
    "$tool/bin/pip" install --quiet --disable-pip-version-check "uv==$UV_VERSION"
}

compile() {
    target=$1
    shift
    "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@" --output-file "$target"
}

refuse_addresses() {
    if grep -n '://' requirements/*.txt; then
        echo "requirements name an address; a lock must install from any index" >&2
        exit 1
    fi
}

main "$@"
