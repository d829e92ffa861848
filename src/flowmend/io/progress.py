"""Progress bars on stderr: gone when done, and absent where nobody watches (logs, CI)."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def tracked(items: Iterable[Item], description: str) -> Iterator[Item]:
    """Yield the items behind a progress bar; without a length it shows the count alone."""
    console = Console(stderr=True)
    off = not console.is_terminal
    yield from track(items, description, console=console, transient=True, disable=off)
