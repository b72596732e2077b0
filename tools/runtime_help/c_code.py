"""Put docstrings and signatures into the C that mypyc 2.4 generates, or refuse if it looks otherwise than expected.

mypyc leaves every docstring empty, and a signature too when a default is not a literal. The places to fill have names
that tell what they belong to: `CPyPy_sync_producer___Producer___fire` is `Producer.fire` of the module whose names
begin with `sync_producer`, as the definition of that module says.

Classes are native, or made as the interpreter would make them (`mypyc_attr(native_class=False)`, enums). Those are
plain objects, and get what they lack at run time, when the code of their module has run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.runtime_help.source import Class, Function, Kind, Module

# What the C code calls at run time.
FUNCTIONS = Path(__file__).with_name("functions.c")

LITERAL = r'NULL|"(?:[^"\\]|\\.)*"'

# The last header; the generated code begins after it.
HEADERS = re.compile(r'^#include "__native_internal_\w*\.h"$', re.MULTILINE)

# In each of these the second group is the name, and the third is what is replaced.
# {"fire", (PyCFunction)CPyPy_…, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR(NULL)}, and the same among the arguments of
# CPyFunction_New, which makes coroutine functions.
CALLABLE = re.compile(rf"(\(PyCFunction\)CPyPy_(\w+),\s*METH_[\w |]+, PyDoc_STR\()({LITERAL})(?=\))")
GETTER = re.compile(r"(\(getter\)(\w+),\s*(?:\(setter\)\w+|NULL),\s*)(NULL)(?=, NULL\})")
TYPE = re.compile(rf"(PyTypeObject CPyType_(\w+)_template_ = \{{[^}}]*?\.tp_doc = PyDoc_STR\()({LITERAL})(?=\))")
MODULE = re.compile(r'(PyModuleDef (\w+)module = \{\s*PyModuleDef_HEAD_INIT,\s*"[\w.]+",\s*)(NULL)(?=, /\* doc)')
EXECUTED = re.compile(r"(char result = CPyDef_(\w+)_____top_level__\(\);\s*if \(result == 2\)\s*goto fail;)()")

MODULE_NAME = re.compile(r'PyModuleDef (\w+)module = \{\s*PyModuleDef_HEAD_INIT,\s*"([\w.]+)"')
NEW_FUNCTION = re.compile(r"\bCPyFunction_New\(")


class UnexpectedCodeError(Exception):
    """The C does not look as mypyc 2.4's does; the text says what is missing."""


def document(code: str, modules: Sequence[Module]) -> str:
    """Return the C code with all that the modules say about themselves.

    Raises:
        UnexpectedCodeError: a place for some of it was not found.
    """
    places = Places(code)
    for module in modules:
        places.add_module(module)
    code = put(GETTER, code, places.getters)
    code = put(CALLABLE, code, places.callables)
    code = put(TYPE, code, places.types)
    code = put(MODULE, code, places.modules)
    code = put(EXECUTED, code, places.executed)
    code = NEW_FUNCTION.sub("Help_NewFunction(", code)
    code, headers = HEADERS.subn(lambda match: match[0] + "\n" + FUNCTIONS.read_text(encoding="utf-8"), code)
    if headers != 1:
        raise UnexpectedCodeError(f"The generated C includes its internal header {headers} times instead of once")
    return code


def put(pattern: re.Pattern[str], code: str, texts: Mapping[str, str]) -> str:
    """Replace what the pattern finds under the names that there are texts for."""
    missing = set(texts)

    def replaced(match: re.Match[str]) -> str:
        missing.discard(match[2])
        return match[1] + texts.get(match[2], match[3])

    code = pattern.sub(replaced, code)
    if missing:
        raise UnexpectedCodeError(f"The generated C has no place for the help of {', '.join(sorted(missing))}")
    return code


class Places:
    """C expressions by the C name of the place where each belongs."""

    def __init__(self, code: str) -> None:
        self._prefixes = {match[2]: match[1] for match in MODULE_NAME.finditer(code)}
        self._types = {match[2]: match[3] for match in TYPE.finditer(code)}
        self._callables = {match[2] for match in CALLABLE.finditer(code)}
        self.callables: dict[str, str] = {}
        self.getters: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        self.executed: dict[str, str] = {}

    def add_module(self, module: Module) -> None:
        """Add a module, its functions and its classes."""
        prefix = self._prefixes.get(module.name)
        if prefix is None:
            raise UnexpectedCodeError(f"The generated C does not define the module {module.name}")
        if module.doc:
            self.modules[prefix] = f"PyDoc_STR({literal(module.doc)})"
        for function in module.functions:
            self._add_callable(f"{prefix}___{c_name(function.name)}", function)
        for cls in module.classes:
            name = f"{prefix}___{c_name(cls.name)}"
            if name in self._types:
                self._add_native_class(name, cls)
            else:
                self.executed[prefix] = self.executed.get(prefix, "") + self._plain_class(prefix, cls)

    def _add_native_class(self, name: str, cls: Class) -> None:
        signature = self._types[name]  # mypyc's: of a class without `__init__`, it knows the base's
        for function in cls.functions:
            if function.kind is Kind.PROPERTY:
                if function.doc:
                    self.getters[f"{name}_get_{c_name(function.name)}"] = f"PyDoc_STR({literal(function.doc)})"
                continue
            self._add_callable(f"{name}___{c_name(function.name)}", function)
            if function.name == "__init__":
                signature = literal(f"{cls.name}({without_first(function.parameters)})\n--\n\n")
        self.types[name] = f"{signature} {literal(cls.doc)}" if signature != "NULL" else literal(cls.doc)

    def _add_callable(self, name: str, function: Function) -> None:
        if function.is_special and name not in self._callables:
            return  # only a slot of the type
        has_mark = function.kind in {Kind.METHOD, Kind.CLASS_METHOD} and not function.is_coroutine
        mark = "$" if has_mark else ""  # takes `self` out of the signature of a bound builtin method
        self.callables[name] = literal(f"{function.name}({mark}{function.parameters})\n--\n\n{function.doc}")

    def _plain_class(self, prefix: str, cls: Class) -> str:
        """Add the class's functions, each of which has its own type; return C that completes them and the class."""
        lines = []
        for function in cls.functions:
            name = f"{prefix}___{c_name(f'{function.name}_{cls.name}_obj')}"
            if name not in self._types:
                raise UnexpectedCodeError(f"The generated C has no type for the method {cls.name}.{function.name}")
            self.types[name] = f"{self._types[name]} {literal(function.doc)}"
            signature = literal(f"({function.parameters})")
            lines.append(f"if (Help_SetTextSignature(CPyType_{name}, {signature}) < 0)\n    goto fail;")
        if cls.doc:
            arguments = f'CPyStatic_{prefix}___globals, "{cls.name}", {literal(cls.doc)}'
            lines.append(f"if (Help_SetClassDoc({arguments}) < 0)\n    goto fail;")
        return "".join(f"\n{line}" for line in lines)


def c_name(name: str) -> str:
    """Return a Python name as a part of a C name, in which three underscores separate parts."""
    return name.replace("___", "___3_")


def without_first(parameters: str) -> str:
    """Return parameters without `self`."""
    return parameters.partition(", ")[2]


def literal(text: str) -> str:
    """Return C string literals, one per line of the text: compilers limit the length of one."""
    lines = text.splitlines(keepends=True) or [""]
    return "\n".join(f'"{"".join(map(escape, line.encode()))}"' for line in lines)


def escape(byte: int) -> str:
    """Return a byte as it is written in a C literal; octal numbers end after three digits, whatever follows."""
    character = chr(byte)
    if character == "\n":
        return "\\n"
    if character in '"\\?':  # two question marks may begin a trigraph
        return f"\\{character}"
    return character if character.isascii() and character.isprintable() else f"\\{byte:03o}"
