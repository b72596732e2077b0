"""A Django project in one file that fires one message per request; run by a server in a process of its own."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

TOPIC = os.environ["TOPIC"]

settings.configure(
    SECRET_KEY="for tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["dekaf.contrib.django"],
    DEKAF={
        "bootstrap_servers": os.environ["DEKAF_BOOTSTRAP_SERVERS"],
        "linger_ms": os.environ["DEKAF_LINGER_MS"],
        "batch_size": os.environ["DEKAF_BATCH_SIZE"],
        "close_timeout_ms": os.environ["DEKAF_CLOSE_TIMEOUT_MS"],
    },
)

from dekaf.contrib.django import get_async_producer, get_producer  # noqa: E402 # after the settings, as in a project
from dekaf.contrib.django.asgi import get_asgi_application  # noqa: E402 # the same


async def from_coroutine(_request: HttpRequest, number: str) -> HttpResponse:
    get_async_producer().fire(TOPIC, number, number)
    return HttpResponse()


def from_thread(_request: HttpRequest, number: str) -> HttpResponse:
    get_producer().fire(TOPIC, number, number)
    return HttpResponse()


urlpatterns = [path("<str:number>", from_coroutine), path("thread/<str:number>", from_thread)]

asgi_application = get_asgi_application()
wsgi_application = get_wsgi_application()

if "FIRE_ON_IMPORT" in os.environ:
    get_producer().fire(TOPIC, None, "imported")
