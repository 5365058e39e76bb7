#!/bin/sh
# Makes .venv from the hashed lock: sh requirements/venv.sh run|dev. Called by make, which knows when it is stale.
set -eu
set="$1"
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Enthesis needs Python 3.11 or newer; this machine's python3 is $(python3 -V)." >&2
    exit 1
fi
if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            # machine.sh, beside which this may run, waits for the same lock.
            flock requirements sh -c \
                'apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null'
        else
            echo "Enthesis needs Python's venv module: install the package python3-venv, then run make again." >&2
            exit 1
        fi
    fi
    rm -rf .venv
    python3 -m venv .venv
fi
echo "Installing the locked packages (requirements/$set.txt) ..."
# The lock is complete, so nothing is resolved again; of a gigabyte of modules only those that are
# imported get compiled, by the first import. (uv is faster still, but does not read the settings
# of pip, which is where a machine says from where its packages come.)
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --no-deps --no-compile --require-hashes -r "requirements/$set.txt"
# The project itself, without dependencies and without a build step that would need the network.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$PWD/src" >"$site/enthesis.pth"
printf '#!%s/.venv/bin/python\nimport sys\nfrom enthesis.cli import main\nsys.exit(main())\n' "$PWD" >.venv/bin/enthesis
chmod +x .venv/bin/enthesis
# The first fit of a user should not wait until pandas is compiled: this one does.
PYTHONDONTWRITEBYTECODE='' .venv/bin/enthesis fit tests/reference/repeated/fev_data.csv \
    --id USUBJID --visit AVISIT --outcome FEV1 --fixed 'ARMCD + SEX' >/dev/null
touch ".venv/.stamp-$set"
[ "$set" = dev ] && touch .venv/.stamp-run
exit 0
