"""DekafSettings: the producers' options from environment variables and `.env` files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from pydantic import model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from dekaf.errors import ConfigurationError
from dekaf.registry import ProducerRegistry, is_overridden_everywhere

__all__ = ("DekafSettings", "registry_of_settings")

_BETWEEN_ALIAS_AND_OPTION: Final = "__"
_DEFAULT_ALIAS: Final = "default"

# Any one of these makes the options without an alias a producer of their own, not only what others have in common.
_MAKES_A_PRODUCER: Final = frozenset({"backend", "bootstrap_servers"})


class DekafSettings(BaseSettings):
    """The options of producers as the environment gives them.

    `DEKAF_LINGER_MS` is an option of the producer "default" and of every other producer that has none of its own;
    `DEKAF_AUDIT__LINGER_MS` is one of the producer "audit". `DEKAF_TEST_…` is left to dekaf's own tests.

    Derive from it for another prefix or a file: `SettingsConfigDict(env_prefix="KAFKA_", env_file=".env")`.
    """

    model_config = SettingsConfigDict(env_prefix="DEKAF_", env_ignore_empty=True, extra="allow")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take every variable with the prefix: the names of aliases are not known beforehand."""
        return (
            init_settings,
            _EveryVariable(settings_cls, env_settings),
            _EveryVariable(settings_cls, dotenv_settings),
        )

    @model_validator(mode="before")
    @classmethod
    def _by_alias(cls, options: dict[str, Any]) -> dict[str, Any]:
        aliases = {name: value for name, value in options.items() if isinstance(value, Mapping)}
        if not aliases:
            return options
        common = {name: value for name, value in options.items() if name not in aliases}
        if _MAKES_A_PRODUCER & common.keys():
            aliases.setdefault(_DEFAULT_ALIAS, {})
        return {alias: {**common, **own} for alias, own in aliases.items()}

    @property
    def is_empty(self) -> bool:
        """Whether the environment says nothing about producers."""
        return not self.model_extra


class _EveryVariable(PydanticBaseSettingsSource):
    """All variables that begin with the prefix, declared as fields or not."""

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._source: Final = cast("EnvSettingsSource", source)  # that of `.env` files derives from it

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: there are no declared fields."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return options by name, and those of aliases by alias and name."""
        options: dict[str, Any] = {}
        for name, value in self._named():
            alias, between, option = name.partition(_BETWEEN_ALIAS_AND_OPTION)
            if not between:
                if not name.startswith("test_"):
                    options[name] = value
            elif isinstance(group := options.setdefault(alias, {}), dict):
                group[option] = value
        return options

    def _named(self) -> Iterator[tuple[str, str]]:
        prefix = self._source.env_prefix.lower()
        for name, value in self._source.env_vars.items():
            if value is not None and name.lower().startswith(prefix):
                yield name.lower().removeprefix(prefix), value


def registry_of_settings(settings: object = None) -> ProducerRegistry:
    """Return a registry for what an application gives as settings; a registry as it is.

    Args:
        settings: A mapping, an object or a `ProducerConfig` as for `ProducerRegistry`; None: the environment.

    Raises:
        ConfigurationError: Something is wrong in the settings, or there are none.
    """
    if isinstance(settings, ProducerRegistry):
        return settings
    if settings is not None:
        return ProducerRegistry(settings, source="dekaf_lifespan")
    environment = DekafSettings()
    if not environment.is_empty:
        return ProducerRegistry(environment)
    if is_overridden_everywhere():
        return ProducerRegistry.without_configuration()
    raise ConfigurationError(
        "dekaf has no settings: set DEKAF_BOOTSTRAP_SERVERS in the environment, or write "
        'dekaf_lifespan({"bootstrap_servers": "localhost:9092"}).'
    )
