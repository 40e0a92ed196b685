#!/bin/sh
# Build the virtual environment DIR with the newest Python there is (3.11 or later), or with $PYTHON.
# usage: tests/build-venv.sh DIR [--clear]
set -eu
dir=$1
clear=${2:-}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
can_build() { "$1" -c 'import venv, ensurepip' 2>/dev/null; }

found= without_venv=
for candidate in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
    path=$(command -v "$candidate") && new_enough "$path" || continue
    if can_build "$path"; then
        found=$path
        break
    fi
    without_venv=${without_venv:-$path}
done

if [ -z "$found" ]; then
    sudo=; [ "$(id -u)" = 0 ] || sudo="sudo "
    if [ -n "$without_venv" ]; then
        version=$("$without_venv" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "$without_venv is Python $version without its venv module. This installs it (Debian, Ubuntu):" >&2
        echo "  ${sudo}apt install python$version-venv" >&2
    elif [ -n "${PYTHON:-}" ]; then
        echo "PYTHON=$PYTHON is no Python 3.11 or newer" >&2
    else
        echo "no Python 3.11 or newer was found. This installs one (Debian 12, Ubuntu 24.04 and newer):" >&2
        echo "  ${sudo}apt install python3 python3-venv" >&2
        echo "or name one: make PYTHON=/path/to/python3.12 ..." >&2
    fi
    exit 1
fi

echo "building $dir with $found ($("$found" --version)) ..."
# shellcheck disable=SC2086 # empty means no argument
"$found" -m venv $clear "$dir"
# dependency groups and build constraints need a newer pip than Python 3.11 brings
"$dir/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt "pip>=25.3"
pwd > "$dir/.where"
touch "$dir/.python"
