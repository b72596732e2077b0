"""What a producer must know of its process: forks, the end of the interpreter, and threads that are not real ones."""

from __future__ import annotations

import os
import sys
from typing import Any, Final, final

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


def refuse_silent_fork() -> None:
    """Refuse to start a thread where uWSGI is about to fork its workers without a word to Python.

    What the thread holds at that moment, CPython's own lock among it, no thread of the worker gives back: now and then
    a worker answers nothing, and nothing that runs there could tell why.

    Raises:
        ConfigurationError: It is such a process; the text names uWSGI's options.
    """
    uwsgi: Any = sys.modules.get("uwsgi")  # which exists in its processes only
    if uwsgi is None or not _is_before_fork(uwsgi) or _has_option(uwsgi, "py-call-uwsgi-fork-hooks"):
        return
    raise ConfigurationError(
        "A producer is used while uWSGI loads the application, before it forks its workers, and uWSGI does not tell "
        "Python of forks: workers might never answer. Set py-call-uwsgi-fork-hooks = true, or lazy-apps = true; or use "
        "the producer in requests only (to make it here is fine)."
    )


def _is_before_fork(uwsgi: Any) -> bool:
    master: object = uwsgi.masterpid()
    if master == 0:  # without a master it is the first worker that forks the others
        return bool(uwsgi.worker_id() == 0 and uwsgi.numproc > 1)
    return master == os.getpid()


def _has_option(uwsgi: Any, name: str) -> bool:
    given: Any = uwsgi.opt
    return name in given or name.encode() in given  # releases differ


def refuse_eventlet() -> None:
    """Refuse to be where eventlet has replaced threads or sockets: an I/O thread would freeze the process.

    Raises:
        ConfigurationError: They are replaced; the text names the worker classes that work.
    """
    patcher: Any = sys.modules.get("eventlet.patcher")
    if patcher is not None and (patcher.is_monkey_patched("thread") or patcher.is_monkey_patched("socket")):
        raise ConfigurationError(
            "eventlet has patched threads or sockets, so a producer's I/O thread would take over the whole process. "
            "Use another worker class: gevent, gthread, sync or uvicorn's under gunicorn; gevent, prefork or threads "
            "under Celery."
        )
