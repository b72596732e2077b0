"""Django and Flask for gunicorn's gevent workers: a page for each way to produce, and one that tells of the worker.

Both are imported before gevent has patched the process, with `--preload`, or after it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import flask
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from dekaf import Producer

settings.configure(
    SECRET_KEY="for tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["dekaf.contrib.django"],
)

from dekaf.contrib.django import get_producer  # noqa: E402 # after the settings, as in a project

django_app = get_wsgi_application()
flask_app = flask.Flask(__name__)
flask_producer: Producer[str, str] = Producer(
    bootstrap_servers=os.environ["DEKAF_BOOTSTRAP_SERVERS"],
    linger_ms=int(os.environ["DEKAF_LINGER_MS"]),
    key=str,
    value=str,
)

_gaps: Final[list[float]] = []  # between two beats of the worker's heart, in seconds


def _beat() -> None:
    last = time.monotonic()
    while True:
        time.sleep(0.005)  # gevent's by now
        now = time.monotonic()
        _gaps.append(now - last)
        last = now


def _begin_to_beat() -> None:
    if not _gaps:
        import gevent  # noqa: PLC0415 # in the worker alone

        _gaps.append(0.0)
        gevent.spawn(_beat)


def answer(producer: Producer[Any, Any], way: str, number: str) -> str:
    """Produce, and return what the page shows."""
    _begin_to_beat()
    ways: dict[str, Callable[[], object]] = {
        "fire": lambda: producer.fire("orders", number, number),
        "produce": lambda: producer.produce("orders", number, number),
        "submit": lambda: producer.submit("orders", number, number).result(),
        "flush": lambda: (producer.fire("orders", number, number), producer.flush(20)),
        "gap": lambda: max(_gaps),
        "pid": os.getpid,
        "threads": lambda: sys.modules["gevent.monkey"].is_module_patched("threading"),
    }
    return str(ways[way]())


def page(_request: HttpRequest, way: str, number: str) -> HttpResponse:
    """Answer as Django."""
    return HttpResponse(answer(get_producer(), way, number))


urlpatterns = [path("<str:way>/<str:number>", page)]


@flask_app.get("/<way>/<number>")
def flask_page(way: str, number: str) -> str:
    """Answer as Flask."""
    return answer(flask_producer, way, number)
