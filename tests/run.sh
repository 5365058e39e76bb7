#!/bin/sh
# The whole test run: everything on SQLite, then all that touches the database again on a real
# PostgreSQL. The longest journey goes first, so that no processor waits for it at the end; the
# sweeps of looks (sizes, light and dark) do not depend on the database and run once.
set -e
py=.venv/bin/python
journey=tests/browser/test_whole_course.py
echo "== On SQLite (the default)"
$py -m pytest -n 2 $journey tests
echo "== On PostgreSQL (a real server, started by the tests)"
TEST_DB=postgresql $py -m pytest -p tests.postgres -n 2 $journey tests/clinic
