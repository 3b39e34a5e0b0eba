# Sourced by the other scripts: goes to the clone's root, finds a Python, and has .venv hold what the lock file
# `$lock` names (if any), and node_modules what the pages load in a browser.
set -eu
unset PYTHONDONTWRITEBYTECODE  # a run starts many processes, and compiling all of it again is half of what a start takes
cd "$(dirname "$0")/.."
for python in python3 python3.14 python3.13 python3.12 python3.11 ''; do
    if [ -z "$python" ]; then
        echo "Trennwand needs Python 3.11 or newer: install it and put it on the PATH." >&2
        exit 1
    fi
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
done
if [ -n "$lock" ]; then
    "$python" scripts/_venv.py "$lock"
    "$python" scripts/_assets.py
fi
