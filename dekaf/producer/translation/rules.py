"""What becomes of another client's option, and the translation of a whole configuration by a table of such rules.

Pure: nothing is read, called or logged. A rule's faults never quote a value that may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias, final

from dekaf.nearest_name import nearest_name
from dekaf.producer.fault_text import shown, shown_name
from dekaf.producer.masked import Masked, masked

__all__ = ("LEFT_OUT", "SKIPPED", "Becomes", "LeftOut", "Refused", "Rule", "Skipped", "Translation", "translate")


class LeftOut(Enum):
    """The rule of an option that only tunes what is done otherwise here."""

    LEFT_OUT = "left out"


class Skipped(Enum):
    """What a conversion returns for a value that says nothing that is not so anyway."""

    SKIPPED = "skipped"


LEFT_OUT: Final = LeftOut.LEFT_OUT
SKIPPED: Final = Skipped.SKIPPED


def _same(value: Any) -> object:
    same: object = value
    return same


@final
@dataclass(frozen=True)
class Becomes:
    """The rule of an option that has a counterpart.

    Args:
        option: What it is called here.
        convert: Returns its value here, or `SKIPPED`; raises ValueError for one that cannot be honoured.
        unless: Another of their options; if that is given, too, this one is left out.
    """

    option: str
    convert: Callable[[Any], object] = _same
    unless: str = ""


@final
@dataclass(frozen=True)
class Refused:
    """The rule of an option that changes security or delivery, and cannot be honoured.

    Args:
        remedy: What to do.
        harmless: The values, in lower case, with which it means what is done anyway.
        settled_by: Options of ours; if one of these is given beside, the application has decided.
    """

    remedy: str
    harmless: tuple[str, ...] = ()
    settled_by: tuple[str, ...] = ()


Rule: TypeAlias = Becomes | Refused | LeftOut


@final
@dataclass
class Translation:
    """What a configuration comes to.

    Args:
        options: Our options, masked.
        left_out: Their options that have no counterpart.
        faults: What cannot be honoured.
    """

    options: dict[str, object] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def translate(mapping: Masked, rules: Mapping[str, Rule], overrides: Collection[str]) -> Translation:
    """Translate a configuration. None stands for the other client's default, and so for ours.

    Args:
        mapping: The configuration.
        rules: What becomes of each option that the other client has.
        overrides: Our options that the application gives beside, which go before.
    """
    translation = Translation()
    if not isinstance(mapping.reveal(), Mapping):
        translation.faults.append(f"must be a mapping of options, not {type(mapping.reveal()).__name__}")
        return translation
    for name, value in mapping.reveal().items():
        rule = rules.get(name) if isinstance(name, str) else None
        if rule is None:
            translation.faults.append(_unknown(name, rules))
        elif value is not None:
            _apply(rule, name, masked(value), mapping, translation, overrides)
    return translation


def _apply(  # the parts of one step
    rule: Rule, name: str, value: Masked, mapping: Masked, translation: Translation, overrides: Collection[str]
) -> None:
    if isinstance(rule, LeftOut):
        translation.left_out.append(name)
    elif isinstance(rule, Refused):
        is_settled = any(option in overrides for option in rule.settled_by)
        if not is_settled and _word(value.reveal()) not in rule.harmless:
            translation.faults.append(f"{name}: {rule.remedy}")
    elif rule.unless and mapping.reveal().get(rule.unless) is not None:
        translation.left_out.append(name)
    elif rule.option not in overrides:
        _convert(rule, name, value, translation)


def _convert(rule: Becomes, name: str, value: Masked, translation: Translation) -> None:
    try:
        converted = rule.convert(value.reveal())
    except ValueError as error:
        translation.faults.append(f"{name}: {error}")
        return
    if converted is SKIPPED:
        return
    earlier = translation.options.get(rule.option)
    if isinstance(earlier, Masked) and earlier.reveal() != converted:
        translation.faults.append(
            f"{name}: another option says something else about {rule.option}: give one of the two"
        )
    translation.options[rule.option] = masked(converted)


def _word(value: object) -> str:
    return str(value).strip().lower() if isinstance(value, str | int | float) else "<object>"


def _unknown(name: object, rules: Mapping[str, Rule]) -> str:
    if not isinstance(name, str):
        return f"{shown(name)}: the name of an option must be a text"
    near = nearest_name(name.lower(), rules)
    hint = f"; did you mean {near}?" if near else ""
    return f"{shown_name(name)}: that client has no such option{hint}"
