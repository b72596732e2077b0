"""DekafSettings: the producers' options from environment variables and `.env` files."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final, cast

from pydantic import model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from dekaf.environment import BETWEEN, grouped, registry_of_environment, with_shared_options
from dekaf.errors import ConfigurationError
from dekaf.producer import ProducerConfig
from dekaf.producer.masked import Masked, masked
from dekaf.producer.security_options import is_secret, secret
from dekaf.registry import ProducerRegistry, is_overridden_everywhere

__all__ = ("DekafSettings", "registry_of_settings")


class DekafSettings(BaseSettings):
    """The options of producers as the environment gives them.

    `DEKAF_LINGER_MS` is an option of the producer "default" and of every other producer that has none of its own;
    `DEKAF_AUDIT__LINGER_MS` is one of the producer "audit". `DEKAF_TEST_…` is left to dekaf's own tests.

    Derive from it for another prefix or a file: `SettingsConfigDict(env_prefix="KAFKA_", env_file=".env")`. With
    `secrets_dir="/run/secrets"`, files there count as well, called like the variables: `DEKAF_SASL_PASSWORD`,
    `DEKAF_AUDIT__SASL_PASSWORD`, in any case. A variable goes before a file.

    What may be secret is a hidden text; `get_secret_value()` tells it.
    """

    model_config = SettingsConfigDict(env_prefix="DEKAF_", env_ignore_empty=True, extra="allow")

    def __init__(self, **values: Any) -> None:
        hidden = _hidden_options(values, type(self).model_fields)
        values.clear()  # a traceback may show local variables
        super().__init__(**hidden)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take every variable and every file with the prefix: the names of aliases are not known beforehand."""
        return (
            init_settings,
            _EveryVariable(settings_cls, env_settings),
            _EveryVariable(settings_cls, dotenv_settings),
            _EveryFile(settings_cls, file_secret_settings),
        )

    @model_validator(mode="before")
    @classmethod
    def _by_alias(cls, options: dict[str, Any]) -> dict[str, Any]:
        return with_shared_options(options)

    @property
    def is_empty(self) -> bool:
        """Whether the environment says nothing about producers."""
        return not self.model_extra


class _EveryOption(PydanticBaseSettingsSource):
    """All that a source has under names that begin with the prefix, declared as fields or not."""

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._source: Final = source

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return nothing: there are no declared fields."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return options by name, and those of aliases by alias and name."""
        return grouped((name, self._shown_or_hidden(name, value)) for name, value in self._named())

    def _shown_or_hidden(self, name: str, value: Masked) -> Any:
        option = name.rpartition(BETWEEN)[2]
        return _hidden(option, value.reveal(), () if option != name else self.settings_cls.model_fields)

    def _named(self) -> Iterator[tuple[str, Masked]]:
        """Yield values by name, in lower case and without the prefix."""
        raise NotImplementedError

    def _option_of(self, name: str) -> str | None:
        """Return a name without the prefix; None if it has another one."""
        prefix = cast("EnvSettingsSource", self._source).env_prefix.lower()
        return name.lower().removeprefix(prefix) if name.lower().startswith(prefix) else None


class _EveryVariable(_EveryOption):
    """Those of the environment, or of a `.env` file."""

    def _named(self) -> Iterator[tuple[str, Masked]]:
        variables = Masked(cast("EnvSettingsSource", self._source).env_vars)  # that of `.env` files derives from it
        for name in variables.reveal():
            option = self._option_of(name)
            if option is not None and variables.reveal()[name] is not None:
                yield option, Masked(variables.reveal()[name])


class _EveryFile(_EveryOption):
    """Those of `secrets_dir`, as Docker and Kubernetes mount them: a file is called like a variable."""

    def __call__(self) -> dict[str, Any]:
        """Return declared fields as the original source finds them, and every other option."""
        return {**self._source(), **super().__call__()}  # it also says if there is no such folder

    def _named(self) -> Iterator[tuple[str, Masked]]:
        given = cast("SecretsSettingsSource", self._source).secrets_dir
        folders = [given] if isinstance(given, str | os.PathLike) else given or ()
        for folder in folders:  # of several the last one wins, as with `.env` files
            path = Path(folder).expanduser()
            for file in sorted(path.iterdir()) if path.is_dir() else ():
                option = self._option_of(file.name)
                if option is not None and file.is_file() and (value := _content(file)).reveal():
                    yield option, value


def _content(file: Path) -> Masked:
    try:
        return Masked(file.read_bytes().decode(errors="surrogateescape").strip())
    except OSError as error:
        fault = f"{file}: {error.strerror or type(error).__name__}"
    raise ConfigurationError(fault)


def _hidden_options(options: Mapping[str, Any], declared: Container[str]) -> dict[str, Any]:
    """Return options with what may be secret as hidden text, or masked where it is no text.

    Args:
        options: Options by name, and those of aliases by alias.
        declared: The names of fields that a derived class has.
    """
    return {
        name: _hidden_options(value, ())
        if isinstance(value, Mapping) and name.lower() not in ProducerConfig.model_fields and name not in declared
        else _hidden(name, value, declared)
        for name, value in options.items()
    }


def _hidden(name: str, value: Any, declared: Container[str]) -> Any:
    option = name.lower()
    is_known = option in ProducerConfig.model_fields
    if name in declared or name.startswith("_"):
        return value
    if isinstance(value, str):
        # Under a name that is no option, and in an address, there may be a password.
        return secret(value) if not is_known or "@" in value or is_secret(option, value) else value
    may_hold_text = isinstance(value, bytes | Mapping | Sequence | Set)
    return masked(value) if may_hold_text and (not is_known or is_secret(option, value)) else value


def registry_of_settings(settings: object = None) -> ProducerRegistry:
    """Return a registry for what an application gives as settings; a registry as it is.

    Args:
        settings: A mapping, an object or a `ProducerConfig` as for `ProducerRegistry`, maybe masked; None: the
            environment.

    Raises:
        ConfigurationError: Something is wrong in the settings, or there are none.
    """
    given = masked(settings)
    del settings
    if isinstance(given.reveal(), ProducerRegistry):
        registry: ProducerRegistry = given.reveal()
        return registry
    if given.reveal() is not None:
        return ProducerRegistry(given, source="dekaf_lifespan")
    of_environment = registry_of_environment()
    if of_environment is not None:
        return of_environment
    if is_overridden_everywhere():
        return ProducerRegistry.without_configuration()
    raise ConfigurationError(
        "dekaf has no settings: set DEKAF_BOOTSTRAP_SERVERS in the environment, or write "
        'dekaf_lifespan({"bootstrap_servers": "localhost:9092"}).'
    )
