"""Work done ahead of whoever needs it, in a thread. Knows nothing of what the work is."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Literal, TypeVar, overload

Item = TypeVar("Item")


@overload
def ahead(items: Iterable[Item], size: int) -> Iterator[Item]: ...
@overload
def ahead(items: Iterable[Item], size: int, *, patience: float) -> Iterator[Item | None]: ...
def ahead(
    items: Iterable[Item], size: int, *, patience: float | None = None
) -> Iterator[Item | None]:
    """The same items, made in a thread while the ones before them are used.

    Args:
        items: What to iterate over in the thread; an error there is raised here, in its place.
        size: Items that may wait, >= 1; one more is being made.
        patience: Seconds, > 0: where the next item takes longer, None is given once in between.

    Example:
        >>> list(ahead(map(str, range(3)), 1))
        ['0', '1', '2']
    """
    # What waits is marked as an item, as an error, or as the end.
    waiting: queue.Queue[tuple[Literal["item"], Item] | tuple[Literal["end"], Exception | None]]
    waiting = queue.Queue(size)
    given_up = threading.Event()

    def put(kind: Literal["item", "end"], value: object) -> None:
        while not given_up.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)  # type: ignore[arg-type]
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put("item", item)
                if given_up.is_set():
                    return
        except Exception as error:  # raised again where the items are used
            put("end", error)
        else:
            put("end", None)

    threading.Thread(target=work, daemon=True).start()
    try:
        while True:
            try:
                entry = waiting.get(timeout=patience)
            except queue.Empty:
                yield None
                entry = waiting.get()
            if entry[0] == "item":
                yield entry[1]
            elif entry[1] is None:
                return
            else:
                raise entry[1]
    finally:
        given_up.set()
