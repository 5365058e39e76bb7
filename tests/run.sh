#!/bin/sh
# The whole test run: everything on SQLite, then all that touches the database again on a real PostgreSQL.
set -e
py=.venv/bin/python
echo "== On SQLite (the default)"
$py -m pytest -n 2 tests
echo "== On PostgreSQL (a real server, started by the tests)"
TEST_DB=postgresql $py -m pytest -p tests.postgres -n 2 tests/clinic tests/browser
