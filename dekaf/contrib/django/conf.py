"""The only reader of `settings.DEKAF`; where it is absent, `DEKAF_…` in the environment are the settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.conf import settings

from dekaf.environment import PREFIX, registry_of_environment
from dekaf.errors import ConfigurationError
from dekaf.producer.masked import Masked
from dekaf.registry import ProducerRegistry, is_overridden_everywhere

__all__ = ("APPLICATION", "PREFIX_SETTING", "SETTING", "aliases_with_prefix", "registry_of_settings")

APPLICATION: Final = "dekaf.contrib.django"  # as INSTALLED_APPS names it
SETTING: Final = "DEKAF"
PREFIX_SETTING: Final = "DEKAF_TOPIC_PREFIX_REQUIRED"


def aliases_with_prefix() -> tuple[str, ...]:
    """Return the aliases whose messages have to have a prefix of `produce_context`.

    Raises:
        ConfigurationError: The setting is not a list of texts.
    """
    given: object = getattr(settings, PREFIX_SETTING, ())
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigurationError(f"{PREFIX_SETTING} must be a list of aliases such as ['default'], not {given!r}.")
    return tuple(map(str, given))


def registry_of_settings() -> ProducerRegistry:
    """Return a new registry for the producers in the settings, or else in the environment.

    Raises:
        ConfigurationError: Something is wrong in the setting or in the environment, or there is neither.
    """
    given = Masked(getattr(settings, SETTING, None))  # Django's page for errors shows local variables
    if given.reveal() is not None:
        return ProducerRegistry(given, source=SETTING)
    of_environment = registry_of_environment()
    if of_environment is not None:
        return of_environment
    if is_overridden_everywhere():
        return ProducerRegistry.without_configuration()
    raise ConfigurationError(
        f"The setting {SETTING} is missing. Write {SETTING} = {{'bootstrap_servers': 'localhost:9092'}}, or the "
        f"options of many by alias: {SETTING} = {{'default': {{'bootstrap_servers': 'localhost:9092'}}}}; or set "
        f"{PREFIX}BOOTSTRAP_SERVERS in the environment."
    )
