"""What a traceback that captures local variables shows of an error."""

from __future__ import annotations

from traceback import TracebackException

import dekaf

__all__ = ("everything_shown", "frames_of_dekaf")


def everything_shown(error: BaseException) -> str:
    """Return the error as loggers and error trackers may show it: its chain, and the variables of dekaf's frames."""
    shown: list[str] = []
    todo: list[BaseException] = [error]
    while todo:
        one = todo.pop()
        traced = TracebackException.from_exception(one, capture_locals=True)
        for frame in traced.stack:
            if "/tests/" not in frame.filename:
                shown += [f"{name}={value}" for name, value in (frame.locals or {}).items()]
        shown += [str(one), repr(one), repr(getattr(one, "__dict__", None))]
        todo += [cause for cause in (one.__cause__, one.__context__) if cause is not None]
    return "\n".join(shown)


def frames_of_dekaf(error: BaseException) -> int:
    """Count them: a test that looks at the variables of none proves nothing. Machine code has none to look at."""
    traced = TracebackException.from_exception(error)
    return sum(dekaf.__path__[0] in frame.filename for frame in traced.stack)
