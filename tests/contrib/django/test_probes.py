"""Probes of a Django project, by its URLs and by the middleware ahead of everything else."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import django
import pytest
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import include, path

from dekaf.contrib.django import get_producer

PATHS = ["/livez", "/readyz", "/startupz"]
FIRST = "dekaf.contrib.django.probes.ProbesMiddleware"
STRICT = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]


def home(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


urlpatterns = [path("", home), path("probes/", include("dekaf.contrib.django.urls"))]


@pytest.fixture(autouse=True)
def project() -> Iterator[None]:
    """A project with these URLs."""
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.mark.parametrize("probe", PATHS)
def test_the_urls_answer_under_wsgi_and_asgi(probe: str) -> None:
    response = Client().get(f"/probes{probe}")
    asynchronous = asyncio.run(_get(f"/probes{probe}"))

    assert (response.status_code, asynchronous.status_code) == (200, 200)
    assert response.json() == asynchronous.json()
    assert list(response.json()["producers"]) == ["default", "audit"]
    assert response.headers["Cache-Control"] == "no-store"


async def _get(probe: str) -> HttpResponse:
    response: HttpResponse = await AsyncClient().get(probe)
    return response


@pytest.mark.parametrize("probe", PATHS)
def test_the_middleware_answers_by_the_pods_address_over_plain_http(probe: str) -> None:
    with override_settings(ALLOWED_HOSTS=["shop.example"], SECURE_SSL_REDIRECT=True, MIDDLEWARE=[FIRST, *STRICT]):
        by_address = Client(headers={"host": "10.0.0.7:8000"}).get(probe)
        asynchronous = asyncio.run(_get(probe))

        assert (by_address.status_code, asynchronous.status_code) == (200, 200)
        assert Client(headers={"host": "10.0.0.7:8000"}).get("/").status_code in {
            301,
            400,
        }  # everything else is as strict


def test_the_urls_need_an_allowed_host_and_an_exemption() -> None:
    with override_settings(
        ALLOWED_HOSTS=["shop.example", "10.0.0.7"],
        SECURE_SSL_REDIRECT=True,
        SECURE_REDIRECT_EXEMPT=[r"^probes/"],
        MIDDLEWARE=STRICT,
    ):
        assert Client(headers={"host": "10.0.0.7"}).get("/probes/livez").status_code == 200
        assert Client(headers={"host": "10.0.0.8"}).get("/probes/livez").status_code == 400


# In a process of its own: what django.contrib.auth registers would stay for the other tests.
NO_LOGIN = """
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "dekaf.contrib.django"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    SECRET_KEY="for tests",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="tests.contrib.django.test_probes",
    DEKAF={"backend": "memory"},
)
django.setup()
from django.test import Client

print(Client().get("/probes/livez").status_code, Client().get("/").status_code)
"""


@pytest.mark.skipif(django.VERSION < (5, 1), reason="LoginRequiredMiddleware came with Django 5.1")
def test_a_probe_needs_no_login() -> None:
    done = subprocess.run([sys.executable, "-c", NO_LOGIN], capture_output=True, text=True, check=False, timeout=50)

    assert (done.stdout, done.returncode) == ("200 302\n", 0), done.stderr


def test_what_is_asked_is_in_the_settings() -> None:
    with override_settings(DEKAF_PROBES={"require_kafka": True, "topics": {"audit": ["log"]}, "timeout": 0.2}):
        assert Client().get("/probes/livez").status_code == 200
        assert Client().get("/probes/readyz").status_code == 503
        assert Client().get("/probes/startupz").status_code == 503


def test_the_middleware_asks_under_wsgi_too() -> None:
    with override_settings(DEKAF_PROBES={"require_kafka": True, "timeout": 0.2}, MIDDLEWARE=[FIRST]):
        assert Client().get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"requires_kafka": True}, "DEKAF_PROBES has no 'requires_kafka'. Did you mean 'require_kafka'?"),
        ({"topics": "orders"}, "topics must be a list such as ['orders'], not a single text."),
        (["orders"], "DEKAF_PROBES must be a mapping such as {'topics': ['orders']}, not ['orders']."),
    ],
)
def test_a_mistake_in_the_setting_is_found_by_the_check(given: object, expected: str) -> None:
    with override_settings(DEKAF_PROBES=given):
        faults = [fault for fault in run_checks(tags=["dekaf"]) if fault.id == "dekaf.E004"]

    assert [fault.msg for fault in faults] == [expected]


def test_a_probe_makes_no_connection_and_starts_nothing() -> None:
    Client().get("/probes/readyz")

    assert get_producer().status().state == "idle"
