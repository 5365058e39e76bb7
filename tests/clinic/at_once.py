"""Many in the same moment."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection


def at_once(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run all at the same moment, each with its own connection; results or what they raised."""
    gate = threading.Barrier(len(tasks))
    results: list[Any] = [None] * len(tasks)

    def run(place: int, task: Callable[[], Any]) -> None:
        gate.wait()
        try:
            results[place] = task()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
