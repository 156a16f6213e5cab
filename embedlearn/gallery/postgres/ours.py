"""Making sure that a gallery's name still stands for the gallery that was opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from embedlearn.errors import StorageError
from embedlearn.gallery.postgres.migrations import Layout, read_layout, read_number

if TYPE_CHECKING:
    from embedlearn.gallery.postgres.database import Connection

Result = TypeVar("Result")


class Ours:
    """The gallery `name` as it was opened: its `layout`, and the `number` by which PostgreSQL knows it.

    Call it with an action for one that is only done on this gallery, or on one that took its place and whose cases
    mean the same; else it raises `StorageError`.
    """

    def __init__(self, name: str, layout: Layout, number: str) -> None:
        self.name, self.layout, self.number = name, layout, number

    def __call__(self, action: Callable[[Connection], Result]) -> Callable[[Connection], Result]:
        def act(connection: Connection) -> Result:
            self._check(connection)
            return action(connection)

        return act

    def _check(self, connection: Connection) -> None:
        if (number := read_number(connection, self.name)) == self.number:
            return
        if not number or not read_layout(connection, self.name).is_like(self.layout):
            raise StorageError(f"gallery {self.name}: is gone, or another took its place; open it again")
        self.number = number
