"""Views that raise what a test puts into `RAISED`, of each kind and framework."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI
from rest_framework.views import APIView

from dekaf.contrib.django.middleware import problem_response
from dekaf.errors import DekafError

RAISED: list[Exception] = []


def plain(_request: HttpRequest) -> HttpResponse:
    raise RAISED[0]


async def coroutine(_request: HttpRequest) -> HttpResponse:
    raise RAISED[0]


class Rest(APIView):  # type: ignore[misc] # not typed
    """A view of Django REST framework."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        raise RAISED[0]


ninja = NinjaAPI()
ninja.add_exception_handler(DekafError, problem_response)


@ninja.get("")
def in_ninja(request: HttpRequest) -> None:
    raise RAISED[0]


urlpatterns = [
    path("plain", plain),
    path("coroutine", coroutine),
    path("rest", Rest.as_view()),
    path("ninja/", ninja.urls),
]
