"""What uWSGI does to workers that serve a request when it is told to stop: they run no exit hooks, nothing drains."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

__all__ = ("why_lost_under_uwsgi",)

_GRACEFULLY: Final = b"gracefully_kill_them_all"


def why_lost_under_uwsgi() -> str | None:
    """Return why messages that wait may be lost when the server of this process stops, and what to do about it.

    Returns:
        None if the server is another one than uWSGI, or ends its workers when they have served their requests.
    """
    options: object = getattr(sys.modules.get("uwsgi"), "opt", None)  # the server puts its module there
    if not isinstance(options, dict) or any(_GRACEFULLY in text for text in _texts(options.values())):
        return None
    return (
        "uWSGI ends workers in the midst of a request when it is told to stop, and these run no exit hooks: messages "
        "that still wait there are lost. Write `hook-master-start = unix_signal:15 gracefully_kill_them_all` in its "
        "settings, in place of die-on-term."
    )


def _texts(values: Iterable[Any]) -> Iterable[bytes]:
    for value in values:
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, bytes):
                yield one
