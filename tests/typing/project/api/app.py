"""The application: a lifespan of its own around dekaf's, error handlers, a task beside the requests, a middleware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response

from api.models import Order
from api.routes import router
from api.settings import KafkaSettings
from dekaf.contrib.fastapi import dekaf_lifespan, health_router, install_error_handlers, registry_of


async def tell_start(app: FastAPI) -> None:
    await registry_of(app).async_producer("default", str, Order).produce("starts", "api", Order(id="0"))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with dekaf_lifespan(KafkaSettings())(app) as state:
        task = asyncio.create_task(tell_start(app))
        yield {**state, "task": task}
        await task


app = FastAPI(lifespan=lifespan)
app.include_router(router)
app.include_router(health_router(details=True), prefix="/internal")
install_error_handlers(app)


@app.middleware("http")
async def count_requests(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    registry_of(request).async_producer("default", str, str).fire("requests", request.method, request.url.path)
    return await call_next(request)
