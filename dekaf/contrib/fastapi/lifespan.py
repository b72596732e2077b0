"""The lifespan that owns an application's producers: there from start to shutdown, drained at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from dekaf.contrib.fastapi.settings import registry_of_settings
from dekaf.errors import ConfigurationError
from dekaf.lifespans import STATE_KEY, lifespan_served
from dekaf.producer.masked import Masked
from dekaf.registry import ProducerRegistry

__all__ = ("DekafLifespan", "dekaf_lifespan")

DekafLifespan = Callable[[Starlette], AbstractAsyncContextManager[dict[str, ProducerRegistry]]]


def dekaf_lifespan(settings: object = None) -> DekafLifespan:
    """Return a lifespan that owns the producers: `FastAPI(lifespan=dekaf_lifespan(settings))`.

    Starting does no network I/O, so an application starts while Kafka is away. At shutdown what was accepted is
    delivered, for `close_timeout_ms` at the most, without blocking the event loop.

    Args:
        settings: The options of producers, as for `ProducerRegistry`, or a registry; default: the environment's
            `DEKAF_…`, see `DekafSettings`. They are read when the application starts.

    Raises:
        ConfigurationError: When the application starts: something is wrong in the settings, or there are none, or
            this function itself was given as the lifespan.

    Example:
        >>> @asynccontextmanager
        ... async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        ...     async with database(), dekaf_lifespan(settings)(app) as state:
        ...         yield state
    """

    if isinstance(settings, Starlette):
        raise ConfigurationError(
            "The lifespan is called with settings, or nothing: FastAPI(lifespan=dekaf_lifespan())."
        )
    given = Masked(settings)  # a traceback may show local variables, and there are passwords among these
    del settings

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, ProducerRegistry]]:
        registry = registry_of_settings(given)
        registry.reopen()  # one of the application's own, that an earlier lifespan has closed
        async with lifespan_served(), registry:
            for alias in registry.aliases:  # wrong options and missing extras show now, not with the first request
                registry.producer(alias)
            # In both places: the state reaches sub-applications, and the application is there where no server runs
            # the lifespan, as in tests with httpx.
            app.state.dekaf = registry
            try:
                yield {STATE_KEY: registry}
            finally:
                if getattr(app.state, STATE_KEY, None) is registry:
                    del app.state.dekaf

    return lifespan
