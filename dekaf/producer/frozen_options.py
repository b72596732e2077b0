"""Classes of options: each option declared once, checked when an object is made, and frozen from then on.

What a pydantic model does, but without pydantic: to import that takes longer than to import all of dekaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple, Never, Self, final

from dekaf.producer.hidden_text import revealed
from dekaf.producer.masked import unmasked

__all__ = ("FrozenOptions", "Option", "Refusal", "option")


@final
class Option:
    """What a class says about one option."""

    __slots__ = ("_default", "_default_factory", "check", "description")

    def __init__(
        self,
        default: object,
        default_factory: Callable[[], object] | None,
        *,
        check: Callable[[Any], object],
        description: str,
    ) -> None:
        self._default = default
        self._default_factory = default_factory
        self.check = check
        self.description = description

    def get_default(self, *, call_default_factory: bool = False) -> object:
        """Return the default; None for one that has to be computed, unless that is asked for."""
        if self._default_factory is not None and call_default_factory:
            return self._default_factory()
        return self._default

    def checked(self, value: object) -> object:
        """Return the value to use for one given; of what is masked or hidden, the check gets what is in it.

        Raises:
            ValueError: it is refused. Whatever a value does when it is looked at, it is a fault of this option.
        """
        try:
            return self.check(revealed(unmasked(value)))
        except ValueError:  # the check's own; a ConfigurationError is one, too
            raise
        except Exception as error:
            # Lazy objects of frameworks raise anything. Not chained, nor quoted: it may show what the value holds.
            raise ValueError(f"cannot be used: looking at it raised {type(error).__name__}") from None


def option(
    default: object = None,
    *,
    check: Callable[[Any], object],
    description: str,
    default_factory: Callable[[], object] | None = None,
) -> Any:
    """Declare an option in the body of its class, as in ``linger_ms: int = option(5, check=..., description=...)``.

    Args:
        default: Its value when it is left out; not checked.
        check: What returns the value to use for a value given, or raises ValueError saying what is allowed.
        description: What users read about it.
        default_factory: What computes the default instead.
    """
    return Option(default, default_factory, check=check, description=description)


class Refusal(NamedTuple):
    """An option whose value was refused, and why."""

    name: str
    value: object
    reason: ValueError


class FrozenOptions:
    """The base of a class of options, which are compared, shown, copied and pickled by their values.

    Attributes:
        model_fields: What the class says about each option, by its name.
        model_fields_set: The options that were given, rather than left to their default.
    """

    model_fields: ClassVar[Mapping[str, Option]] = {}
    model_fields_set: frozenset[str]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = {name: declared for name, declared in vars(cls).items() if isinstance(declared, Option)}
        cls.model_fields = {**cls.model_fields, **own}  # those of the base first
        for name in own:
            delattr(cls, name)  # a value that is not there yet is an error, not its declaration

    def _take(self, given: Mapping[str, object]) -> list[Refusal]:
        """Set each option to what was given, or else its default; return those refused, in the order of the class."""
        refusals: list[Refusal] = []
        state = self.__dict__
        for name, declared in self.model_fields.items():
            if name not in given:
                state[name] = declared.get_default(call_default_factory=True)
                continue
            try:
                state[name] = declared.checked(given[name])
            except ValueError as reason:
                refusals.append(Refusal(name, given[name], reason))
        state["model_fields_set"] = frozenset(given)
        return refusals

    def model_dump(self) -> dict[str, object]:
        """Return the options by name."""
        # Of an object that could not be made some are missing: tracebacks show it all the same.
        return {name: self.__dict__[name] for name in self.model_fields if name in self.__dict__}

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """Return a copy with some values replaced, without a check; `deep` makes no difference, as nothing changes."""
        copied = type(self).__new__(type(self))
        copied.__dict__.update({**self.__dict__, **(update or {})})
        copied.__dict__["model_fields_set"] = self.model_fields_set | frozenset(update or ())
        return copied

    def _shown_values(self) -> Iterator[tuple[str, object]]:
        """Yield what the repr shows."""
        yield from self.model_dump().items()

    def __copy__(self) -> Self:
        return self.model_copy()

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        return self.model_copy()  # nothing in it changes; contexts and functions cannot be copied

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FrozenOptions):
            return NotImplemented
        return type(self) is type(other) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash((type(self), *self.model_dump().values()))

    def __repr__(self) -> str:
        shown = ", ".join([f"{name}={value!r}" for name, value in self._shown_values()])
        return f"{type(self).__name__}({shown})"

    def __setattr__(self, name: str, value: object) -> None:
        del value  # it may be a password, and the traceback of the refusal may show local variables
        self._refuse_change(name)

    def __delattr__(self, name: str) -> None:
        self._refuse_change(name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any:
        from dekaf._json_schemas import options_schema  # noqa: PLC0415 - pydantic's library takes 50 ms

        return options_schema(cls, write=cls.model_dump)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any, /) -> dict[str, Any]:
        from dekaf._json_schemas import options_description  # noqa: PLC0415 - as above

        return options_description(cls.__name__, {name: one.description for name, one in cls.model_fields.items()})

    def _refuse_change(self, name: str) -> Never:
        # The error of pydantic's frozen models, which settings are made of elsewhere; its library, for this only.
        from pydantic_core import ValidationError  # noqa: PLC0415 - takes 50 ms

        fault: Any = {"type": "frozen_instance", "loc": (name,), "input": None}
        raise ValidationError.from_exception_data(type(self).__name__, [fault], hide_input=True)
