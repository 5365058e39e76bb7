"""One state of the database for all that is read, while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """One state of the database for all that is read inside, on both databases.

    Inside somebody else's transaction that one decides.
    """
    if connection.in_atomic_block:
        yield
        return
    # Connecting sets the mode anew: on a connection that was closed the next line came to nothing,
    # and a backup kept everybody from writing.
    connection.ensure_connection()
    mode = getattr(connection, "transaction_mode", None)
    if mode:
        # Of SQLite; not the usual IMMEDIATE, which would keep everybody from writing for as long.
        setattr(connection, "transaction_mode", "DEFERRED")  # noqa: B010 (its own alone)
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    finally:
        if mode:
            setattr(connection, "transaction_mode", mode)  # noqa: B010
