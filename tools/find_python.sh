#!/bin/sh
# Print the path of a Python that can make dekaf's environment; explain on stderr and fail when there is none.
#
# $PYTHON, when set, is the only candidate. Otherwise: the environment that exists already, the PATH, pyenv's versions.
# Candidates are run, not just looked up: a pyenv shim is there for versions that `pyenv global` doesn't switch on, and
# Debian's python3 comes without what `python3 -m venv` needs.

works() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if [ -n "$PYTHON" ]; then
    if works "$PYTHON"; then
        command -v "$PYTHON"
        exit 0
    fi
    echo "PYTHON=$PYTHON is not a Python 3.11 or newer with venv and ensurepip." >&2
    exit 1
fi

for candidate in .venv/bin/python python3 python3.13 python3.12 python3.11 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python; do
    if works "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done

echo "No Python 3.11 or newer with venv and ensurepip was found (on Debian and Ubuntu: apt install python3-venv)." >&2
echo "Name one: make PYTHON=/path/to/python3.12 ..." >&2
exit 1
