"""Sets that are joined pair by pair (union-find)."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class DisjointSets(Generic[Member]):
    """Sets of members; joined ones have the root of the larger, of equal ones the one added first.

    SciPy's ``DisjointSet`` has the same roots; commands that need no SciPy do with this.
    """

    def __init__(self, members: Iterable[Member] = ()) -> None:
        self._parents: dict[Member, Member] = {}
        self._places: dict[Member, int] = {}
        self._sizes: dict[Member, int] = {}
        for member in members:
            self.add(member)

    def __contains__(self, member: Member) -> bool:
        return member in self._parents

    def __getitem__(self, member: Member) -> Member:
        """Return the root of the set of a member."""
        parents = self._parents
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    def add(self, member: Member) -> None:
        """Add a member as a set of its own, unless it is there."""
        if member not in self._parents:
            self._places[member] = len(self._parents)
            self._parents[member], self._sizes[member] = member, 1

    def merge(self, one: Member, other: Member) -> None:
        """Join the sets of two members, which are added if they are not there."""
        self.add(one)
        self.add(other)
        roots = {self[one], self[other]}
        if len(roots) == 2:
            below, above = sorted(roots, key=lambda root: (self._sizes[root], -self._places[root]))
            self._parents[below] = above
            self._sizes[above] += self._sizes[below]

    def sets(self) -> list[set[Member]]:
        """Return all sets."""
        found: dict[Member, set[Member]] = {}
        for member in self._parents:
            found.setdefault(self[member], set()).add(member)
        return list(found.values())
