"""The lines of the table of servers."""

from __future__ import annotations

from typing import Final

from tests.servers.run import Row, Stop

__all__ = ("ROWS", "gunicorn", "hypercorn", "uvicorn", "uwsgi")

_APPS: Final = "tests.scenarios.stopped_apps"
_WORKER: Final = "uvicorn_worker.UvicornWorker"
_WITHOUT_LIFESPAN: Final = "tests.scenarios.stopped_gunicorn.WithoutLifespan"
_HERE: Final = "127.0.0.1:{port}"

FASTAPI: Final = "FastAPI, `dekaf_lifespan`"
ASGI: Final = "Django, dekaf's `get_asgi_application`"
WSGI: Final = "Django, WSGI"
MOUNTED: Final = "Django mounted in FastAPI, `dekaf_lifespan`"
AROUND: Final = "Django mounted in FastAPI, `with_lifespan`"
PLAIN: Final = "Django, Django's own `get_asgi_application`"
SIGNAL: Final = f"{PLAIN}, `drain_on_sigterm()`"

ENDS: Final = (Stop.SIGTERM, Stop.SIGINT)


def uvicorn(app: str, *more: str) -> tuple[str, ...]:
    """Return uvicorn's command."""
    return ("uvicorn", f"{_APPS}:{app}", "--port", "{port}", *more)


def gunicorn(app: str, *more: str) -> tuple[str, ...]:
    """Return gunicorn's command for two workers."""
    return ("gunicorn", f"{_APPS}:{app}", "-w", "2", "-b", _HERE, *more)


def hypercorn(app: str, *more: str) -> tuple[str, ...]:
    """Return hypercorn's command."""
    return ("hypercorn", f"{_APPS}:{app}", "-b", _HERE, *more)


def granian(app: str, interface: str, *more: str) -> tuple[str, ...]:
    """Return granian's command."""
    return ("granian", f"{_APPS}:{app}", "--interface", interface, "--port", "{port}", *more)


def uwsgi(*more: str) -> tuple[str, ...]:
    """Return uWSGI's command for two processes."""
    base = ("uwsgi", "--http", _HERE, "--module", f"{_APPS}:wsgi", "--master", "--processes", "2", "--enable-threads")
    return (*base, "--pythonpath", ".", *more)


# A worker that is busy when it is told to end runs no exit hooks, unless it may finish what it is at.
_GRACEFUL: Final = ("--hook-master-start", "unix_signal:15 gracefully_kill_them_all")

ROWS: Final = (
    *(Row("uvicorn", FASTAPI, stop, uvicorn("ours")) for stop in ENDS),
    *(Row("uvicorn", ASGI, stop, uvicorn("wrapped")) for stop in ENDS),
    Row("uvicorn `--workers 2`", FASTAPI, Stop.SIGTERM, uvicorn("ours", "--workers", "2")),
    Row("uvicorn `--workers 2`", ASGI, Stop.SIGTERM, uvicorn("wrapped", "--workers", "2")),
    Row("uvicorn `--workers 2`", FASTAPI, Stop.RELOAD, uvicorn("ours", "--workers", "2")),
    Row("uvicorn", MOUNTED, Stop.SIGTERM, uvicorn("below_dekaf")),
    Row("uvicorn", AROUND, Stop.SIGTERM, uvicorn("around_fastapi")),
    Row("uvicorn", PLAIN, Stop.SIGTERM, uvicorn("plain"), is_lost=True),
    Row("uvicorn", PLAIN, Stop.SIGINT, uvicorn("plain")),
    Row("uvicorn `--lifespan off`", SIGNAL, Stop.SIGTERM, uvicorn("plain", "--lifespan", "off"), True),
    Row("gunicorn, `UvicornWorker`", FASTAPI, Stop.SIGTERM, gunicorn("ours", "-k", _WORKER)),
    # gunicorn sends its workers SIGQUIT, which this one does not follow: it is killed after --graceful-timeout.
    Row("gunicorn, `UvicornWorker`", FASTAPI, Stop.SIGINT, gunicorn("ours", "-k", _WORKER), is_lost=True),
    Row("gunicorn, `UvicornWorker`", ASGI, Stop.SIGTERM, gunicorn("wrapped", "-k", _WORKER)),
    Row("gunicorn, `UvicornWorker`", FASTAPI, Stop.RELOAD, gunicorn("ours", "-k", _WORKER)),
    Row("gunicorn, `UvicornWorker --preload`", FASTAPI, Stop.SIGTERM, gunicorn("ours", "-k", _WORKER, "--preload")),
    Row(
        "gunicorn, `UvicornWorker --max-requests 30`",
        FASTAPI,
        Stop.RECYCLING,
        gunicorn("ours", "-k", _WORKER, "--max-requests", "30"),
    ),
    Row(
        "gunicorn, `UvicornWorker` without lifespan",
        SIGNAL,
        Stop.SIGTERM,
        gunicorn("plain", "-k", _WITHOUT_LIFESPAN),
        drains_on_sigterm=True,
    ),
    *(Row("gunicorn sync", WSGI, stop, gunicorn("wsgi")) for stop in ENDS),
    Row("gunicorn sync", WSGI, Stop.RELOAD, gunicorn("wsgi")),
    Row("gunicorn sync `--max-requests 30`", WSGI, Stop.RECYCLING, gunicorn("wsgi", "--max-requests", "30")),
    Row("gunicorn sync `--preload`", WSGI, Stop.SIGTERM, gunicorn("wsgi", "--preload")),
    Row("gunicorn gthread", WSGI, Stop.SIGTERM, gunicorn("wsgi", "-k", "gthread", "--threads", "4")),
    *(Row("gunicorn gevent", WSGI, stop, gunicorn("wsgi", "-k", "gevent")) for stop in ENDS),
    Row("gunicorn gevent", WSGI, Stop.RELOAD, gunicorn("wsgi", "-k", "gevent")),
    Row("gunicorn gevent `--preload`", WSGI, Stop.SIGTERM, gunicorn("wsgi", "-k", "gevent", "--preload")),
    *(Row("hypercorn", FASTAPI, stop, hypercorn("ours")) for stop in ENDS),
    Row("hypercorn `--workers 2`", ASGI, Stop.SIGTERM, hypercorn("wrapped", "--workers", "2")),
    *(Row("granian", FASTAPI, stop, granian("ours", "asgi")) for stop in ENDS),
    Row("granian `--workers 2`", ASGI, Stop.SIGTERM, granian("wrapped", "asgi", "--workers", "2")),
    Row("granian", WSGI, Stop.SIGTERM, granian("wsgi", "wsgi")),
    *(Row("daphne", ASGI, stop, ("daphne", "-p", "{port}", "-b", "127.0.0.1", f"{_APPS}:wrapped")) for stop in ENDS),
    Row("uWSGI `--die-on-term`", WSGI, Stop.SIGTERM, uwsgi("--die-on-term"), is_lost=True),
    Row("uWSGI", WSGI, Stop.SIGINT, uwsgi(), is_lost=True),
    Row("uWSGI, SIGTERM made graceful", WSGI, Stop.SIGTERM, uwsgi(*_GRACEFUL)),
    Row("uWSGI, SIGTERM made graceful", WSGI, Stop.RELOAD, uwsgi(*_GRACEFUL)),
    Row(
        "uWSGI `--lazy-apps`, SIGTERM made graceful",
        WSGI,
        Stop.SIGTERM,
        uwsgi(*_GRACEFUL, "--lazy-apps"),
        loads_late=True,
    ),
)
