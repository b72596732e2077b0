"""Routes for the probes of an orchestrator: `app.include_router(health_router())`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastapi import APIRouter
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from dekaf.contrib.fastapi.dependencies import registry_of
from dekaf.health import MAX_BUFFER
from dekaf.probes import CHECK_TIMEOUT, ProbeAnswer, Probes

__all__ = ("health_router",)


def health_router(  # noqa: PLR0913 # one argument for each thing that a probe may want
    *,
    prefix: str = "",
    aliases: Iterable[str] | None = None,
    require_kafka: bool = False,
    topics: Iterable[str] | Mapping[str, Iterable[str]] = (),
    details: bool = False,
    max_buffer: float = MAX_BUFFER,
    timeout: float = CHECK_TIMEOUT,
) -> APIRouter:
    """Return routes for `/livez`, `/readyz` and `/startupz`, which are not part of the application's OpenAPI.

    They answer 200 or 503. Nothing is asked of Kafka unless `require_kafka` or `topics` says so.

    Args:
        prefix: What comes before the paths, such as ``/internal``.
        aliases: Which producers; default: all that are configured.
        require_kafka: Whether a process is ready only while a broker answers. All processes become unready at once
            when Kafka is away, and requests that need no Kafka find no server any more.
        topics: What has to exist before the process has started: topics of the producer `default`, or by alias.
        details: Whether bodies have what ``status()`` says, with addresses and texts of errors.
        max_buffer: The part of ``buffer_memory``, 0.0 to 1.0, from which on a buffer counts as full; default 0.9.
        timeout: Seconds that Kafka has to answer; default 0.8.

    Raises:
        ConfigurationError: `topics` or `aliases` is a single text.
    """
    probes = Probes(
        aliases=aliases,
        require_kafka=require_kafka,
        topics=topics,
        details=details,
        max_buffer=max_buffer,
        timeout=timeout,
    )
    router = APIRouter(prefix=prefix, include_in_schema=False)

    @router.get("/livez")
    async def livez(connection: HTTPConnection) -> JSONResponse:
        return _response(probes.live(registry_of(connection)))

    @router.get("/readyz")
    async def readyz(connection: HTTPConnection) -> JSONResponse:
        return _response(await probes.aready(registry_of(connection)))

    @router.get("/startupz")
    async def startupz(connection: HTTPConnection) -> JSONResponse:
        return _response(await probes.astarted(registry_of(connection)))

    return router


def _response(answer: ProbeAnswer) -> JSONResponse:
    return JSONResponse(answer.body, answer.status, headers={"Cache-Control": "no-store"})
