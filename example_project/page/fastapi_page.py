"""The FastAPI shop with its page: `uvicorn --factory example_project.page.fastapi_page:create_app`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from dekaf import AsyncProducer
from example_project.fastapi_shop.app import create_app as create_shop
from example_project.fastapi_shop.container import ShopContainer
from example_project.page import events
from example_project.page.files import PAGE, page_file
from example_project.page.guard import Guard
from example_project.page.stand import switch_kafka
from example_project.page.vitals import vitals_of

router = APIRouter(include_in_schema=False)


async def shop_producer(request: Request) -> AsyncProducer[Any, Any]:
    container: ShopContainer = request.app.state.container
    producer: AsyncProducer[Any, Any] = container.kafka.async_producer()
    return producer


@router.get("/")
@router.get("/page/{name}")
async def show_file(name: str = PAGE) -> Response:
    file = page_file(name)
    if file is None:
        raise HTTPException(404)
    return Response(file.content, media_type=file.media_type, headers=dict(file.headers))


@router.get("/events")
async def watch(producer: Annotated[AsyncProducer[Any, Any], Depends(shop_producer)]) -> StreamingResponse:
    told = events.stream(lambda: vitals_of(producer), "fastapi")
    return StreamingResponse(told, media_type=events.MEDIA_TYPE, headers=events.HEADERS)


@router.post("/kafka/{what}")
async def switch(what: Literal["stop", "start"]) -> JSONResponse:
    status, body = await switch_kafka(what)
    return JSONResponse(body, status)


def create_app(container: ShopContainer | None = None) -> FastAPI:
    """Return the shop's own application, with the page beside."""
    app = create_shop(container)
    app.include_router(router)
    app.add_middleware(Guard)
    return app
