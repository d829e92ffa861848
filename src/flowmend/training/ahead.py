"""One batch ahead: a thread makes the next while the network learns from this one."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")


def one_ahead(make: Callable[[int], Made], first: int, last: int) -> Iterator[Made]:
    """``make(step)`` of the steps ``first`` to ``last`` − 1, in order."""
    with ThreadPoolExecutor(1) as worker:
        upcoming = [worker.submit(make, step) for step in range(first, last)[:1]]
        for step in range(first, last):
            made = upcoming.pop().result()
            if step + 1 < last:
                upcoming.append(worker.submit(make, step + 1))
            yield made
