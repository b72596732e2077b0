"""The lifespan that owns an application's producers: there from start to shutdown, drained at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, NoReturn, final

from starlette.applications import Starlette

from dekaf.contrib.fastapi.aliases import refuse_unknown_aliases
from dekaf.contrib.fastapi.settings import registry_of_settings
from dekaf.errors import ConfigurationError
from dekaf.lifespans import STATE_KEY, lifespan_served
from dekaf.producer.masked import Masked
from dekaf.registry import ProducerRegistry

__all__ = ("DekafLifespan", "dekaf_lifespan")


@final
class DekafLifespan:
    """A lifespan that owns producers, as FastAPI takes it; called with the application, it is a context manager.

    Args:
        settings: As for `dekaf_lifespan`, masked.
    """

    def __init__(self, settings: Masked) -> None:
        self._settings: Final = settings

    @asynccontextmanager
    async def __call__(self, app: Starlette) -> AsyncIterator[dict[str, ProducerRegistry]]:
        """Make the producers of an application, and drain them in the end."""
        registry = registry_of_settings(self._settings)
        registry.reopen()  # one of the application's own, that an earlier lifespan has closed
        async with lifespan_served(), registry:
            for alias in registry.aliases:  # wrong options and missing extras show now, not with the first request
                registry.producer(alias)
            refuse_unknown_aliases(app, registry)
            # In both places: the state reaches sub-applications, and the application is there where no server runs
            # the lifespan, as in tests with httpx.
            app.state.dekaf = registry
            try:
                yield {STATE_KEY: registry}
            finally:
                if getattr(app.state, STATE_KEY, None) is registry:
                    del app.state.dekaf


def _without_application(*_: object) -> NoReturn:
    raise ConfigurationError(
        "A lifespan begins with the application: write `async with dekaf_lifespan(settings)(app) as state:`."
    )


# At run time alone, for type checkers are to refuse `async with dekaf_lifespan(settings):` as well.
for _name in ("__aenter__", "__aexit__"):
    setattr(DekafLifespan, _name, _without_application)


def dekaf_lifespan(settings: object = None) -> DekafLifespan:
    """Return a lifespan that owns the producers: `FastAPI(lifespan=dekaf_lifespan(settings))`.

    Starting does no network I/O, so an application starts while Kafka is away. At shutdown what was accepted is
    delivered, for `close_timeout_ms` at the most, without blocking the event loop.

    Args:
        settings: The options of producers, as for `ProducerRegistry`, or a registry; default: the environment's
            `DEKAF_…`, see `DekafSettings`. They are read when the application starts.

    Raises:
        ConfigurationError: When the application starts: something is wrong in the settings, or there are none; a route
            names an alias that is not among them; or this function itself was given as the lifespan.

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

    return DekafLifespan(given)
