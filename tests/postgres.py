"""Early pytest plugin (`-p tests.postgres`): the same tests on a real PostgreSQL.

Sets DATABASE_URL before Django's settings are read. With xdist only the controller starts a
server, the workers inherit its address.
"""

import os
import signal
import sys

from tests.postgres_server import start

if "PYTEST_XDIST_WORKER" not in os.environ:
    # A plain kill must run the exit handlers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ["DATABASE_URL"] = start()
