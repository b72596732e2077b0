#!/bin/sh
# Make .venv with dekaf (editable) and the packages for a purpose, or do nothing when it is up to date: what nox, which
# lives there and makes all other environments, cannot do.
#
#   sh tools/make_venv.sh demo|dev|bench
#
# $PYTHON, when set, is the interpreter to use. Otherwise it is the one .venv has, or the first that can make such an
# environment on the PATH or among pyenv's. Candidates are run, not just looked up: pyenv has shims for versions that it
# does not switch on, and Debian's python3 comes without what `python3 -m venv` needs. 3.15 has to be asked for, because
# there is no confluent-kafka for it yet, with which the demo and the tests read back what arrived.
set -eu
cd "$(dirname "$0")/.."

# From small to large: an environment made for a later purpose serves the earlier ones, too.
case "$1" in
demo) serves="demo" groups="--group peers --group servers" ;;
dev) serves="demo dev" groups="--group dev" ;;
bench) serves="demo dev bench" groups="--group dev --group bench" ;;
esac

version_of() { # of an interpreter that runs, is new enough and has these modules
    "$1" -c "import sys, $2; v = sys.version_info; v < (3, 11) or print('%d.%d' % v[:2])" 2>/dev/null || true
}

present=$(version_of .venv/bin/python "pip, venv")
if [ -n "${PYTHON:-}" ]; then
    python=$PYTHON wanted=$(version_of "$PYTHON" "ensurepip, venv")
    if [ -z "$wanted" ]; then
        echo "PYTHON=$PYTHON is not a Python 3.11 or newer with venv and ensurepip." >&2
        exit 1
    fi
else
    python=.venv/bin/python wanted=$present
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-4]*/bin/python; do
        [ -z "$wanted" ] || break
        python=$candidate wanted=$(version_of "$candidate" "ensurepip, venv" | grep -v '3\.15' || true)
    done
    if [ -z "$wanted" ]; then
        echo "No Python 3.11 to 3.14 with venv and ensurepip was found (on Debian and Ubuntu: apt install python3-venv)." >&2
        echo "Name one: make PYTHON=/path/to/python3.12 ..." >&2
        exit 1
    fi
fi

if [ "$present" != "$wanted" ]; then
    echo ".venv: creating with Python $wanted ($python)"
    "$python" -m venv --clear .venv
fi
cmp -s pyproject.toml ".venv/made-for-$1" && exit 0
echo ".venv: installing the packages to $1 (a minute or two the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1' # the first with --group
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[all]' $groups
for purpose in $serves; do cp pyproject.toml ".venv/made-for-$purpose"; done
