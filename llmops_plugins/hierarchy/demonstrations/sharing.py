"""When a demonstration is shown to others than the user whose request it was: the rule, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

__all__ = ["Role", "Roles", "confirming_users", "is_confirmed", "owners"]

Role = Literal["solved", "confirmed", "imported"]
"""What a user has to do with a demonstration: solved it, said it is right, or brought it from a file."""

Roles: TypeAlias = Mapping[str, Role]
"""The role of each user, by the user's hash."""


def is_confirmed(roles: Roles, needed: int) -> bool:
    """Tell whether enough users other than the author stand for a demonstration.

    Nobody need know who the author is: whoever of those who stand for it that may be, beside that one there
    are ``needed`` more. The author of an imported one may come and confirm it like anybody else, and who
    imports one stands for nothing.

    Args:
        roles: What each user has to do with it.
        needed: How many other users must stand for it.
    """
    return sum(role != "imported" for role in roles.values()) > needed


def confirming_users(roles: Roles, author: str) -> tuple[str, ...]:
    """Return the users other than the author who stand for a demonstration, as the roles are ordered."""
    return tuple(user for user, role in roles.items() if role != "imported" and user != author)


def owners(roles: Roles) -> tuple[str, ...]:
    """Return the users who have a copy of their own; those who solved it first, as authors go."""
    having = [(role != "solved", user) for user, role in roles.items() if role != "confirmed"]
    return tuple(user for _, user in sorted(having))
