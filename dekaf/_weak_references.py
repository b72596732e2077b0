"""Keep weak references from compiled classes where mypyc would leave them dangling.

Before Python 3.12 it gives each class with a base from the interpreter, such as `Generic`, room for weak references,
and frees instances without clearing them: the next look at one crashes (mypyc 2.4). Without that room, as from 3.12 on,
they are refused with a TypeError.
"""

from __future__ import annotations

import sys

_OFFSET_OF_FIELD = 208  # of tp_weaklistoffset in a type object of CPython 3.11, 64 bits


def forbid_weak_references(*classes: type) -> None:
    """Make `weakref.ref` refuse instances of these compiled classes."""
    if sys.version_info >= (3, 12) or sys.maxsize < 2**32:
        return
    import ctypes  # noqa: PLC0415 # of no use anywhere else

    for cls in classes:
        field = ctypes.c_ssize_t.from_address(id(cls) + _OFFSET_OF_FIELD)
        if field.value == cls.__weakrefoffset__:  # it is where it is known to be
            field.value = 0
