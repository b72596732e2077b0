"""A Django project in one file: a page that never touches Kafka, one that waits for it, and one that does not."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

TOPIC = os.environ["TOPIC"]

settings.configure(
    SECRET_KEY="for tests",
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["dekaf.contrib.django"],
    DEKAF={
        name: os.environ[f"DEKAF_{name.upper()}"]
        for name in ("bootstrap_servers", "unavailable_after_ms", "request_timeout_ms")
    },
)

from dekaf import ProduceError  # noqa: E402 # after the settings, as in a project
from dekaf.contrib.django import get_producer  # noqa: E402 # the same


def page(_request: HttpRequest, number: str) -> HttpResponse:
    return HttpResponse(number)


def confirmed(_request: HttpRequest, number: str) -> HttpResponse:
    try:
        get_producer().produce(TOPIC, number, number)
    except ProduceError as error:
        return JsonResponse({"may_be_persisted": error.may_be_persisted}, status=503)
    return HttpResponse()


def fired(_request: HttpRequest, number: str) -> HttpResponse:
    try:
        get_producer().fire(TOPIC, number, number)
    except ProduceError as error:
        return JsonResponse({"may_be_persisted": error.may_be_persisted}, status=503)
    return HttpResponse()


urlpatterns = [
    path("page/<str:number>", page),
    path("confirmed/<str:number>", confirmed),
    path("fired/<str:number>", fired),
]

wsgi_application = get_wsgi_application()
