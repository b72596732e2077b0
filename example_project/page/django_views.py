"""The page's views in Django."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse, StreamingHttpResponse

from dekaf.contrib.django import get_async_producer
from example_project.page import events
from example_project.page.files import PAGE, page_file
from example_project.page.stand import switch_kafka
from example_project.page.vitals import vitals_of


async def show_file(request: HttpRequest, name: str = PAGE) -> HttpResponse:
    file = page_file(name)
    if file is None:
        raise Http404
    return HttpResponse(file.content, content_type=file.media_type, headers=dict(file.headers))


async def watch(request: HttpRequest) -> StreamingHttpResponse:
    told = events.stream(lambda: vitals_of(get_async_producer()), "django")
    return StreamingHttpResponse(told, content_type=events.MEDIA_TYPE, headers=events.HEADERS)


async def switch(request: HttpRequest, what: str) -> HttpResponse:
    if what not in ("stop", "start"):
        raise Http404
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    status, body = await switch_kafka(what)
    return JsonResponse(body, status=status)
