"""The only reader of `settings.DEKAF`."""

from __future__ import annotations

from typing import Final

from django.conf import settings

from dekaf.errors import ConfigurationError
from dekaf.producer.masked import Masked
from dekaf.registry import ProducerRegistry, is_overridden_everywhere

__all__ = ("APPLICATION", "SETTING", "registry_of_settings")

APPLICATION: Final = "dekaf.contrib.django"  # as INSTALLED_APPS names it
SETTING: Final = "DEKAF"


def registry_of_settings() -> ProducerRegistry:
    """Return a new registry for the producers in the settings.

    Raises:
        ConfigurationError: Something is wrong in the setting, or it is missing.
    """
    given = Masked(getattr(settings, SETTING, None))  # Django's page for errors shows local variables
    if given.reveal() is None and is_overridden_everywhere():
        return ProducerRegistry.without_configuration()
    if given.reveal() is None:
        raise ConfigurationError(
            f"The setting {SETTING} is missing. Write {SETTING} = {{'bootstrap_servers': 'localhost:9092'}}, or the "
            f"options of many by alias: {SETTING} = {{'default': {{'bootstrap_servers': 'localhost:9092'}}}}."
        )
    return ProducerRegistry(given, source=SETTING)
