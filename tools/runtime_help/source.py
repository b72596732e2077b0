"""Read out of a module's source what `help()` and `inspect.signature` say about it in the interpreter."""

from __future__ import annotations

import ast
import enum
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

# Decorators that leave the function what it is. What another one makes of a function, only running it would tell.
KNOWN_DECORATORS = {"abstractmethod", "classmethod", "final", "mypyc_attr", "override", "property", "staticmethod"}

UNKNOWN_DEFAULT = "..."  # what a default is shown as that is not a literal: a text signature admits nothing else


class Kind(enum.Enum):
    """How a function finds its first argument."""

    FUNCTION = "function"
    METHOD = "method"
    CLASS_METHOD = "class method"
    STATIC_METHOD = "static method"
    PROPERTY = "property"


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function, method or property."""

    name: str
    kind: Kind
    is_coroutine: bool
    parameters: str
    doc: str

    @property
    def is_special(self) -> bool:
        """Whether it is a method that an operator or a statement calls."""
        return self.name.startswith("__") and self.name.endswith("__")


@dataclass(frozen=True, kw_only=True)
class Class:
    """One class, with what is defined in it and not inherited."""

    name: str
    doc: str
    functions: tuple[Function, ...]


@dataclass(frozen=True, kw_only=True)
class Module:
    """One module by its full name."""

    name: str
    doc: str
    functions: tuple[Function, ...]
    classes: tuple[Class, ...]


def read_module(name: str, source: str) -> Module:
    """Return a module's functions and classes; what stands under a condition is not among them."""
    tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return Module(
        name=name,
        doc=docstring(tree),
        functions=tuple(functions_in(tree.body, is_class=False)),
        classes=tuple(
            Class(name=node.name, doc=docstring(node), functions=tuple(functions_in(node.body, is_class=True)))
            for node in classes
        ),
    )


def functions_in(body: list[ast.stmt], *, is_class: bool) -> Iterator[Function]:
    """Yield the functions that a module or class defines; of overloads, the implementation."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        decorators = {decorator_name(decorator) for decorator in node.decorator_list}
        if not decorators <= KNOWN_DECORATORS:
            continue
        yield Function(
            name=node.name,
            kind=kind_of(decorators) if is_class else Kind.FUNCTION,
            is_coroutine=isinstance(node, ast.AsyncFunctionDef),
            parameters=parameters_of(node.args),
            doc=docstring(node),
        )


def decorator_name(decorator: ast.expr) -> str:
    """Return what a decorator is called; `setter` for one like `topic.setter`."""
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""


def kind_of(decorators: set[str]) -> Kind:
    """Return what the decorators make of a function in a class."""
    for name, kind in (
        ("property", Kind.PROPERTY),
        ("classmethod", Kind.CLASS_METHOD),
        ("staticmethod", Kind.STATIC_METHOD),
    ):
        if name in decorators:
            return kind
    return Kind.METHOD


def docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return a docstring as `inspect.getdoc` does, without its indentation; empty if there is none."""
    return inspect.cleandoc(ast.get_docstring(node, clean=False) or "")


def parameters_of(arguments: ast.arguments) -> str:
    """Return parameters without their types, which a text signature does not admit, as `self, key=None, *, timeout`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    required = len(positional) - len(arguments.defaults)
    defaults: list[ast.expr | None] = [*[None] * required, *arguments.defaults]
    texts = [parameter(argument, default) for argument, default in zip(positional, defaults, strict=True)]
    if arguments.posonlyargs:
        texts.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg:
        texts.append(f"*{arguments.vararg.arg}")
    elif arguments.kwonlyargs:
        texts.append("*")
    texts += [parameter(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg:
        texts.append(f"**{arguments.kwarg.arg}")
    return ", ".join(texts)


def parameter(argument: ast.arg, default: ast.expr | None) -> str:
    """Return one parameter with its default."""
    if default is None:
        return argument.arg
    try:
        return f"{argument.arg}={ast.literal_eval(default)!r}"
    except ValueError:
        return f"{argument.arg}={UNKNOWN_DEFAULT}"
