"""What a producer must know of its process: forks, the end of the interpreter, and threads that are not real ones."""

from __future__ import annotations

import sys
from typing import Final, final

from mypy_extensions import i64

from dekaf.errors import ConfigurationError


@final
class Forks:
    """Counts the forks this process came from; a producer compares it with what it saw last."""

    def __init__(self) -> None:
        self.generation: i64 = 0


FORKS: Final = Forks()

_exiting: list[bool] = []


def is_exiting() -> bool:
    """Return whether the interpreter is past the point where engines are drained."""
    return bool(_exiting)


def note_exit() -> None:
    """Note that it is: no engine may be started any more, for it would not be drained."""
    _exiting.append(True)


def refuse_patched_threads() -> None:
    """Refuse to be where gevent or eventlet replaced threads: an I/O thread would freeze the process.

    Raises:
        ConfigurationError: They are replaced; the text names the worker classes that work.
    """
    for name in ("gevent", "eventlet"):
        patcher = sys.modules.get(f"{name}.monkey" if name == "gevent" else f"{name}.patcher")
        if patcher is None:
            continue
        is_patched = patcher.is_module_patched("threading") if name == "gevent" else patcher.is_monkey_patched("thread")
        if is_patched:
            raise ConfigurationError(
                f"{name} has patched threading, so a producer's I/O thread would take over the whole process. Use "
                "another worker class: gthread, sync or uvicorn's under gunicorn; prefork or threads under Celery."
            )
