"""What settings name by text, such as 'shop.metrics.Listener': it is imported when a configuration is made."""

from __future__ import annotations

__all__ = ("imported", "instance_of", "is_dotted_name")


def is_dotted_name(text: str) -> bool:
    """Return whether a text may be the name of something in a module: 'shop.metrics.Listener', 'shop.metrics:save'."""
    parts = text.strip().replace(":", ".").split(".")
    return len(parts) >= 2 and all(part.isidentifier() for part in parts)


def imported(name: str) -> object:
    """Return what a dotted name stands for.

    Raises:
        ValueError: It cannot be imported.
    """
    import pkgutil  # noqa: PLC0415 - only dotted names need it

    try:
        found: object = pkgutil.resolve_name(name.strip().replace(":", "."))
    except Exception as error:  # a module's top level may raise anything
        raise ValueError(f"cannot be imported: {error}") from error
    return found


def instance_of(made_class: type) -> object:
    """Return an instance of a class.

    Raises:
        ValueError: It takes arguments, or its constructor raises.
    """
    try:
        made: object = made_class()
    except Exception as error:  # a user's class may raise anything
        raise ValueError(f"the class cannot be made without arguments: {error}; pass an instance") from error
    return made
