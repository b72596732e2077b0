"""The one reader of `DEKAF_…` in the environment: options of producers, by alias, for whoever has no settings.

`DEKAF_LINGER_MS` is an option of the producer "default" and of every other one that has none of its own;
`DEKAF_AUDIT__LINGER_MS`, with two underscores, is one of the producer "audit". `DEKAF_TEST_…` is left to dekaf's own
tests, and what is empty counts as missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dekaf.errors import ConfigurationError
from dekaf.producer import ProducerConfig
from dekaf.producer.fault_text import in_lines, shown_name
from dekaf.producer.masked import Masked
from dekaf.producer.other_names import unknown_option
from dekaf.registry import DEFAULT_ALIAS, ProducerRegistry

__all__ = ("BETWEEN", "PREFIX", "grouped", "options_of_environment", "registry_of_environment", "with_shared_options")

PREFIX: Final = "DEKAF_"

BETWEEN: Final = "__"  # an alias and an option
_OF_TESTS: Final = "test_"
_SOURCE: Final = "the environment"

# Any one of these makes the options without an alias a producer of their own, not only what others have in common.
_MAKES_A_PRODUCER: Final = frozenset({"backend", "bootstrap_servers"})


def registry_of_environment(prefix: str = PREFIX) -> ProducerRegistry | None:
    """Return a new registry for the producers that the environment describes; None if it says nothing about any.

    Args:
        prefix: What the names of variables begin with, in any case.

    Raises:
        ConfigurationError: A variable with the prefix is no option, or one has a wrong value.
    """
    by_alias = _options_by_alias(prefix)
    if not by_alias:
        return None
    configs = {
        alias: ProducerConfig.from_mapping(own, source=_source_of(alias, prefix)) for alias, own in by_alias.items()
    }
    return ProducerRegistry(configs, source=_SOURCE)


def options_of_environment(alias: str = DEFAULT_ALIAS, prefix: str = PREFIX) -> dict[str, Any]:
    """Return the options that the environment has for one producer, masked and not looked at as a whole.

    Args:
        alias: Of the producer.
        prefix: As for `registry_of_environment`.

    Returns:
        None of them if it says nothing about any producer; with what is given for all.

    Raises:
        ConfigurationError: A variable with the prefix is no option; or there are producers, and none of that alias.
    """
    by_alias = _options_by_alias(prefix)
    if alias not in by_alias and (by_alias or alias != DEFAULT_ALIAS):
        names: dict[str, Any] = {name: {"backend": "disabled"} for name in by_alias}
        ProducerRegistry(names, source=_SOURCE).config(alias)  # it says which there are
    return dict(by_alias.get(alias, {}))


def _options_by_alias(prefix: str) -> dict[str, dict[str, Any]]:
    given = _variables(prefix)
    if not given:
        return {}
    _refuse_unknown(given, prefix)
    options = with_shared_options(grouped(given.items()))
    return options if _is_by_alias(options) else {DEFAULT_ALIAS: options}


def grouped(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return options by name, and those of aliases by alias and name.

    Args:
        named: Pairs of name and value; the name in lower case and without the prefix.
    """
    options: dict[str, Any] = {}
    for name, value in named:
        alias, between, option = name.partition(BETWEEN)
        if not between:
            if not name.startswith(_OF_TESTS):
                options[name] = value
        elif isinstance(group := options.setdefault(alias, {}), dict):
            group[option] = value
    return options


def with_shared_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by alias, each with those that were given for all of them; without aliases as they are.

    Args:
        options: As from `grouped`.
    """
    aliases = {name: value for name, value in options.items() if _is_group(name, value)}
    if not aliases:
        return dict(options)
    shared = {name: value for name, value in options.items() if name not in aliases}
    if _MAKES_A_PRODUCER & shared.keys():
        aliases.setdefault(DEFAULT_ALIAS, {})
    return {alias: {**shared, **own} for alias, own in aliases.items()}


def _is_group(name: str, value: object) -> bool:
    return isinstance(value, Mapping) and name.lower() not in ProducerConfig.model_fields


def _is_by_alias(options: Mapping[str, object]) -> bool:
    return any(_is_group(name, value) for name, value in options.items())


def _variables(prefix: str) -> dict[str, Masked]:
    """Return what is not empty, by name in lower case and without the prefix; masked, for it may be a password."""
    found: dict[str, Masked] = {}
    for variable in sorted(os.environ):
        name = variable.lower().removeprefix(prefix.lower())
        if len(name) == len(variable) or name.startswith(_OF_TESTS) or not os.environ[variable]:
            continue
        if name in found:
            fault = f"{_SOURCE}: {prefix}{name.upper()} is given twice, in different case"
            raise ConfigurationError(fault)
        found[name] = Masked(os.environ[variable])
    return found


def _source_of(alias: str, prefix: str) -> str:
    return f"{_SOURCE} ({prefix}…)" if alias == DEFAULT_ALIAS else f"{_SOURCE} ({prefix}{alias.upper()}{BETWEEN}…)"


# What was meant.


def _refuse_unknown(given: Mapping[str, Masked], prefix: str) -> None:
    faults = [fault for name, value in given.items() if (fault := _fault_of_name(name, value, prefix)) is not None]
    if faults:
        raise ConfigurationError(f"{_SOURCE}: {in_lines(faults)}")


def _fault_of_name(name: str, value: Masked, prefix: str) -> str | None:
    options = ProducerConfig.model_fields
    alias, between, option = name.partition(BETWEEN)
    if not between:
        alias, option = "", name
    if option in options and (alias or not between) and alias not in options:
        return None
    meant = _variable_meant(name)
    if meant is not None:
        return (
            f"{_variable(name, prefix)}: no such option; did you mean {_variable(meant, prefix)}? Two underscores "
            "stand between the name of a producer and its option, and nowhere else."
        )
    beginning = f"{alias}{between}"
    return unknown_option(option, value, options, spelt=lambda known: _variable(f"{beginning}{known}", prefix))


def _variable(name: str, prefix: str) -> str:
    return shown_name(f"{prefix}{name.upper()}")


def _variable_meant(name: str) -> str | None:
    """Return the name with underscores in other places, if that is an option: of a producer by alias, or of all."""
    options = ProducerConfig.model_fields
    plain = "_".join(filter(None, name.split("_")))
    if plain in options:
        return plain
    # DEKAF_SSL_KEY is another client's name rather than the key's serializer of a producer "ssl".
    if plain.partition("_")[0] in {known.partition("_")[0] for known in options}:
        return None
    longest = max((known for known in options if plain.endswith(f"_{known}")), key=len, default=None)
    return None if longest is None else f"{plain.removesuffix(f'_{longest}')}{BETWEEN}{longest}"
