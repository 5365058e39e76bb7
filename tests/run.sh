#!/bin/sh
# The whole test run, each part with its time: style and types, everything on SQLite, then all that
# touches the database again on a real PostgreSQL. The browser's journeys run once, every action that
# they take runs on both databases. Three workers on two processors, because browser and server wait
# for each other: two left them idle four tenths of the time.
set -e
# Images often forbid Python to keep what it compiled; every server started here would compile anew.
unset PYTHONDONTWRITEBYTECODE
py=.venv/bin/python
many="-n 3 --dist worksteal"
# numpy's own threads would only fight with the workers.
export OPENBLAS_NUM_THREADS=1

part() { # part <name> <command ...>
    name=$1
    shift
    echo "== $name"
    began=$(date +%s)
    "$@"
    took=$(($(date +%s) - began))
    echo "== $name: $((took / 60)) min $((took % 60)) s"
}

started=$(date +%s)
# The browser comes from elsewhere than Python's packages, and types need no browser: both at once.
part "Set-up, style and types" make --no-print-directory -j2 setup-test check
part "On SQLite (the default)" $py -m pytest $many tests
# The server is thrown away whole: dropping its databases first would fail for a connection that a
# thread of the live server still holds.
part "On PostgreSQL (a real server, started by the tests)" \
    $py -m pytest -p tests.postgres --reuse-db $many -m "not alike" tests/clinic
took=$(($(date +%s) - started))
echo "== All: $((took / 60)) min $((took % 60)) s"
