"""A Django project in one file, in every place an ASGI server may find it; run by a server in a process of its own.

`DRAIN_ON_SIGTERM` in the environment has it call `drain_on_sigterm` when it is imported.
"""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application as get_plain_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from fastapi import FastAPI

import dekaf

settings.configure(
    SECRET_KEY="for tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["dekaf.contrib.django"],
)

from dekaf.contrib.django import get_async_producer, get_producer  # noqa: E402 # after the settings, as in a project
from dekaf.contrib.django.asgi import get_asgi_application, with_lifespan  # noqa: E402 # the same
from dekaf.contrib.fastapi import ProducerDep, dekaf_lifespan  # noqa: E402 # the same


async def from_coroutine(_request: HttpRequest, number: str) -> HttpResponse:
    get_async_producer().fire("orders", number, number)
    return HttpResponse()


def from_thread(_request: HttpRequest, number: str) -> HttpResponse:
    get_producer().fire("orders", number, number)
    return HttpResponse()


urlpatterns = [path("<str:number>", from_coroutine), path("thread/<str:number>", from_thread)]

plain = get_plain_application()
wrapped = get_asgi_application()
wsgi = get_wsgi_application()


async def router(scope: Any, receive: Any, send: Any) -> None:
    """Choose by the kind of connection, as the ProtocolTypeRouter of Channels does."""
    if scope["type"] != "http":
        raise ValueError(f"No application configured for scope type {scope['type']!r}")
    await wrapped(scope, receive, send)


in_fastapi = FastAPI()
in_fastapi.mount("/", plain)

below_dekaf = FastAPI(lifespan=dekaf_lifespan())
below_dekaf.mount("/", plain)

around_fastapi = with_lifespan(in_fastapi)

ours = FastAPI(lifespan=dekaf_lifespan())
alone = FastAPI()


@ours.get("/{number}")
@alone.get("/{number}")
async def place(number: str, producer: ProducerDep) -> None:
    producer.fire("orders", number, number)


if "DRAIN_ON_SIGTERM" in os.environ:
    dekaf.drain_on_sigterm()
