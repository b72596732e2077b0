"""Django: `POST /bare/` answers, `POST /produce/` blocks on one produce first, `GET /usage/` tells the CPU used."""

from __future__ import annotations

import importlib
import threading

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path

from benchmarks.clients.interfaces import BlockingClient
from benchmarks.servers.settings import freeze_if_asked, job, keys, usage

MODULES = {
    "dekaf": "benchmarks.clients.dekaf_client",
    "confluent": "benchmarks.clients.confluent",
    "kafka-python": "benchmarks.clients.kafka_python",
    "none": "benchmarks.clients.no_client",
}


class _Producing:
    """The client of this process: gunicorn imports the application in the worker."""

    def __init__(self) -> None:
        self.job = job()
        self.value = b"x" * self.job.size_bytes
        self.keys = keys()
        self.client: BlockingClient = importlib.import_module(MODULES[self.job.client]).Blocking(self.job)
        self._counting = threading.Lock()  # guards produced
        self.produced = 0

    def produce(self) -> None:
        self.client.produce(next(self.keys), self.value)
        with self._counting:
            self.produced += 1


def bare(_: HttpRequest) -> JsonResponse:
    next(producing.keys)
    return JsonResponse({"status": "accepted"})


def produce(_: HttpRequest) -> JsonResponse:
    producing.produce()
    return JsonResponse({"status": "accepted"})


def tell_usage(_: HttpRequest) -> JsonResponse:
    return JsonResponse(usage(producing.job.client, producing.produced))


urlpatterns = [path("bare/", bare), path("produce/", produce), path("usage/", tell_usage)]
producing = _Producing()
settings.configure(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of no use",
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # gives answers their Content-Length
)
django.setup()
application = WSGIHandler()
freeze_if_asked()
