"""The options of the command's producer: from the environment, a file, and arguments, which win."""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

from dekaf.environment import BETWEEN, PREFIX, options_of_environment
from dekaf.errors import ConfigurationError
from dekaf.producer import ProducerConfig
from dekaf.producer.options import ProducerOptions
from dekaf.registry import DEFAULT_ALIAS, ProducerRegistry

__all__ = ("add_options", "arguments_of", "config_of", "given_of", "of_properties", "sources_of")

_NOTHING_SAID: Final = {"bootstrap_servers": "localhost:9092"}
_TOML: Final = ".toml"
_ENVIRONMENT: Final = f"the environment ({PREFIX}…)"
_COMMAND_LINE: Final = "the command line"
_SECRET_ENDINGS: Final = ("password", "secret", "passphrase")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how to connect, and as whom."""
    group = parser.add_argument_group("connection")
    group.add_argument(
        "-b",
        "--bootstrap-servers",
        metavar="HOST:PORT[,…]",
        help=f"brokers to begin with; default: {PREFIX}BOOTSTRAP_SERVERS, or localhost:9092",
    )
    group.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help="options in a file: TOML with dekaf's names, or lines `name=value` with those of Kafka, as for kcat",
    )
    group.add_argument(
        "-X",
        dest="options",
        action="append",
        default=[],
        type=_option,
        metavar="NAME=VALUE",
        help="an option of dekaf's, such as security_protocol=SASL_SSL; may be repeated. No secrets: other users of "
        f"the machine see arguments. Those belong into FILE, or {PREFIX}SASL_PASSWORD",
    )
    group.add_argument("--alias", default=DEFAULT_ALIAS, help="of the producer, where many are configured")


def config_of(arguments: argparse.Namespace, **fixed: Any) -> ProducerConfig:
    """Return what the environment, the file and the arguments say.

    Args:
        arguments: Those that `add_options` added.
        fixed: Options of the command's own, where nothing else sets them.

    Raises:
        ConfigurationError: Something of it is wrong.
    """
    given = given_of(arguments)
    if arguments.config is not None:
        base = _of_file(arguments.config, arguments.alias, given)
        missing = {name: value for name, value in fixed.items() if name not in base.model_fields_set}
        return base.with_options(**cast("ProducerOptions", missing))
    found = options_of_environment(arguments.alias)
    return ProducerConfig.from_mapping({**_NOTHING_SAID, **fixed, **found, **given}, source=_source(found, given))


def given_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options among the arguments.

    Args:
        arguments: Those that `add_options` added.
    """
    given: dict[str, Any] = dict(arguments.options)
    if arguments.bootstrap_servers is not None:
        given["bootstrap_servers"] = arguments.bootstrap_servers
    return given


def sources_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return where each option comes from that the environment, the file or an argument says.

    Args:
        arguments: Those that `add_options` added.

    Raises:
        ConfigurationError: Something of it is wrong.
    """
    found: dict[str, str] = {}
    if arguments.config is not None:
        of_file = _of_file(arguments.config, arguments.alias, given_of(arguments)).model_fields_set
        found.update(dict.fromkeys(of_file, str(arguments.config)))
    else:
        found.update({name: _variable(arguments.alias, name) for name in options_of_environment(arguments.alias)})
    return found | arguments_of(arguments)


def arguments_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Return which argument each option comes from that is among them.

    Args:
        arguments: Those that `add_options` added.
    """
    found = {name: f"-X {name}" for name, _ in arguments.options}
    if arguments.bootstrap_servers is not None:
        found["bootstrap_servers"] = "-b"
    return found


def of_properties(text: str) -> dict[str, str]:
    """Return the options in lines `name=value`; empty lines and those after `#` are nothing.

    Raises:
        ConfigurationError: A line has no `=`.
    """
    return dict(_properties(text))


def _source(found: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """Return what errors begin with."""
    said = [source for source, options in ((_ENVIRONMENT, found), (_COMMAND_LINE, given)) if options]
    return " and ".join(said) or _COMMAND_LINE


def _of_file(path: Path, alias: str, given: Mapping[str, Any]) -> ProducerConfig:
    """Return what a file says, and the arguments over it: it may leave to them what it needs."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--config {path}: {error}") from error
    if path.suffix == _TOML:
        return ProducerRegistry(_with(given, _of_toml(path, text), alias), source=str(path)).config(alias)
    try:
        options = of_properties(text)
    except ConfigurationError as error:
        raise ConfigurationError(f"--config {path}: {error}") from error
    return ProducerConfig.from_confluent(options, **cast("ProducerOptions", dict(given)))


def _with(given: Mapping[str, Any], options: Mapping[str, Any], alias: str) -> Mapping[str, Any]:
    """Return a file's options, of one producer or by alias, with the arguments in those of the alias."""
    if isinstance(own := options.get(alias), Mapping):
        return {**options, alias: _with(given, own, "")}
    if alias and any(isinstance(one, Mapping) for one in options.values()):
        return options  # without this alias, which is told
    return {**{name: value for name, value in options.items() if name.lower() not in given}, **given}


def _variable(alias: str, name: str) -> str:
    """Return the variable that an option comes from: the alias's own, or else the one for all."""
    own = f"{PREFIX}{alias}{BETWEEN}{name}".upper()
    return own if own in map(str.upper, os.environ) else f"{PREFIX}{name}".upper()


def _of_toml(path: Path, text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"--config {path}: {error}") from error


def _properties(text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator:
            raise ConfigurationError(f"line {number} is not `name=value`.")
        yield name.strip(), value.strip()


def _option(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("it is not NAME=VALUE, as in linger_ms=20")
    name = name.strip().lower()
    if name.endswith(_SECRET_ENDINGS):
        raise argparse.ArgumentTypeError(
            f"{name} is a secret, which other users of the machine would see: put it into a file, or set "
            f"{PREFIX}{name.upper()} in the environment"
        )
    return name, value
