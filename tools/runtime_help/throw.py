"""Have a compiled coroutine hand on an exception as Python wants it from 3.12 on.

When what a coroutine awaits has failed, the exception travels through `throw` of everything that awaits. mypyc 2.4
calls it with three arguments, which Python 3.12 deprecated: where warnings are errors, as in many a test suite, the
caller would get a DeprecationWarning instead of the exception, and so would the I/O thread.
"""

from __future__ import annotations

from tools.runtime_help.c_code import UnexpectedCodeError

RUNTIME_FILE = "misc_ops.c"  # of mypyc's runtime library
ITS_INCLUDE = f"#include <{RUNTIME_FILE}>"
OUR_INCLUDE = f'#include "{RUNTIME_FILE}"'  # the one beside the generated code

ITS_CALL = "PyObject_CallFunctionObjArgs(_m, type, value, traceback, NULL)"
OUR_CALL = "PyObject_CallOneArg(_m, value)"  # the value knows its type and its traceback


def correct_runtime(code: str) -> str:
    """Return the file of the runtime library with the call that is not deprecated.

    Raises:
        UnexpectedCodeError: it makes no such call.
    """
    return replace_once(code, ITS_CALL, OUR_CALL)


def include_corrected(code: str) -> str:
    """Return the generated code, which then includes the corrected file.

    Raises:
        UnexpectedCodeError: it does not include the file.
    """
    return replace_once(code, ITS_INCLUDE, OUR_INCLUDE)


def replace_once(code: str, theirs: str, ours: str) -> str:
    """Replace a piece that has to be there once.

    Raises:
        UnexpectedCodeError: it is not.
    """
    if code.count(theirs) != 1:
        raise UnexpectedCodeError(f"mypyc's C has {theirs!r} {code.count(theirs)} times instead of once")
    return code.replace(theirs, ours)
