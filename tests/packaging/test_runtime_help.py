"""The step of a compiled build that puts docstrings and signatures into the C code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.runtime_help.c_code import UnexpectedCodeError, document, literal
from tools.runtime_help.hook import with_help, write_stubs
from tools.runtime_help.mypycify import module_name
from tools.runtime_help.source import Kind, Module, read_module
from tools.runtime_help.throw import correct_runtime, include_corrected

SOURCE = '''
"""Shops."""

MISSING = object()


async def close_all(shops, timeout=None):
    """Close them."""


class Shop:
    """A shop.

    It sells "tea" \\\\ coffee?
    """

    def __init__(self, name, /, *, size=MISSING):
        ...

    @overload
    def sell(self, what: str) -> None: ...
    @overload
    def sell(self, what: str, price: int) -> None: ...
    def sell(self, what, price=MISSING, *prices, unit="€", **options):
        """Sell."""

    async def open(self):
        """Open."""

    @classmethod
    def of(cls, other):
        """Make."""

    @staticmethod
    def none():
        """Make none."""

    @property
    def name(self):
        """Its name."""

    @cached
    def secret(self): ...


class Report(Plain):
    """A report."""

    def total(self, rate=1.5):
        """Sum up."""
'''

# What mypyc 2.4 makes of it, as far as it matters here.
CODE = r"""
#include <function_wrapper.c>
#include "__native_shop.h"
#include "__native_internal_shop.h"
    PyObject* wrapper = CPyFunction_New(CPyImport_GetModuleCache(&CPyModule_dekaf___shop), "", "Shop.open",
        (PyCFunction)CPyPy_shop___Shop___open, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("open($self)\n--\n\n"), 20,
        CO_COROUTINE, true);
static PyGetSetDef shop___Shop_getseters[] = {
    {"_name",
     (getter)shop___Shop_get__name, (setter)shop___Shop_set__name,
     NULL, NULL},
    {"name",
     (getter)shop___Shop_get_name,
 NULL, NULL, NULL},
    {NULL}  /* Sentinel */
};
static PyMethodDef shop___Shop_methods[] = {
    {"__internal_mypyc_setup", (PyCFunction)CPyDef_shop_____mypyc__Shop_setup, METH_O, NULL},
    {"__init__",
     (PyCFunction)CPyPy_shop___Shop_____init__,
     METH_FASTCALL | METH_KEYWORDS, PyDoc_STR(NULL)},
    {"sell",
     (PyCFunction)CPyPy_shop___Shop___sell,
     METH_FASTCALL | METH_KEYWORDS, PyDoc_STR(NULL)},
    {"open",
     (PyCFunction)CPyPy_shop___Shop___open,
     METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("open($self)\n--\n\n")},
    {"of",
     (PyCFunction)CPyPy_shop___Shop___of,
     METH_FASTCALL | METH_KEYWORDS | METH_CLASS, PyDoc_STR("of($cls, other)\n--\n\n")},
    {"none",
     (PyCFunction)CPyPy_shop___Shop___none,
     METH_FASTCALL | METH_KEYWORDS | METH_STATIC, PyDoc_STR("none()\n--\n\n")},
    {NULL}  /* Sentinel */
};
static PyTypeObject CPyType_shop___Shop_template_ = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "Shop",
    .tp_doc = PyDoc_STR(NULL),
};
static PyTypeObject CPyType_shop___total_Report_obj_template_ = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "total_Report_obj",
    .tp_doc = PyDoc_STR("total_Report_obj()\n--\n\n"),
};
static PyMethodDef shopmodule_methods[] = {
    {"close_all",
     (PyCFunction)CPyPy_shop___close_all, METH_FASTCALL | METH_KEYWORDS, PyDoc_STR(NULL) /* docstring */},
    {NULL, NULL, 0, NULL}
};
    char result = CPyDef_shop_____top_level__();
    if (result == 2)
        goto fail;
static struct PyModuleDef shopmodule = {
    PyModuleDef_HEAD_INIT,
    "dekaf.shop",
    NULL, /* docstring */
    0,       /* size of per-interpreter state of the module */
};
"""


@pytest.fixture
def shop() -> Module:
    return read_module("dekaf.shop", SOURCE)


@pytest.fixture
def documented(shop: Module) -> str:
    return document(CODE, [shop])


def test_parameters_are_those_of_the_implementation_without_types(shop: Module) -> None:
    (cls, _) = shop.classes

    found = {function.name: function.parameters for function in cls.functions}

    assert found == {
        "__init__": "self, name, /, *, size=...",
        "sell": "self, what, price=..., *prices, unit='€', **options",
        "open": "self",
        "of": "cls, other",
        "none": "",
        "name": "self",
    }


def test_methods_are_told_from_properties_and_functions(shop: Module) -> None:
    kinds = {function.name: function.kind for function in shop.classes[0].functions}

    assert kinds["sell"] is Kind.METHOD
    assert kinds["of"] is Kind.CLASS_METHOD
    assert kinds["none"] is Kind.STATIC_METHOD
    assert kinds["name"] is Kind.PROPERTY
    assert [(function.kind, function.is_coroutine) for function in shop.functions] == [(Kind.FUNCTION, True)]


def test_docstrings_lose_their_indentation(shop: Module) -> None:
    assert shop.doc == "Shops."
    assert shop.classes[0].doc == 'A shop.\n\nIt sells "tea" \\ coffee?'


@pytest.mark.parametrize(
    "expected",
    [
        r"""(PyCFunction)CPyPy_shop___Shop___sell,
     METH_FASTCALL | METH_KEYWORDS, PyDoc_STR("sell($self, what, price=..., *prices, unit='\342\202\254', **options)\n"
"--\n"
"\n"
"Sell.")},""",
        r"""METH_CLASS, PyDoc_STR("of($cls, other)\n"
"--\n"
"\n"
"Make.")},""",
        r"""METH_STATIC, PyDoc_STR("none()\n"
"--\n"
"\n"
"Make none.")},""",
    ],
)
def test_methods_get_the_text_that_inspect_reads(expected: str, documented: str) -> None:
    assert expected in documented


def test_coroutines_are_made_by_the_function_that_gives_them_a_signature(documented: str) -> None:
    made = documented[documented.index("PyObject* wrapper") : documented.index("static PyGetSetDef shop")]

    assert "= Help_NewFunction(" in made
    assert r'PyDoc_STR("open(self)\n"' in made  # no mark: the signature of a bound one loses its `self` by itself


def test_a_class_tells_the_parameters_of_its_constructor(documented: str) -> None:
    assert (
        r""".tp_doc = PyDoc_STR("Shop(name, /, *, size=...)\n"
"--\n"
"\n" "A shop.\n"
"\n"
"It sells \"tea\" \\ coffee\?"),"""
        in documented
    )


def test_properties_and_modules_get_their_docstrings(documented: str) -> None:
    assert '(getter)shop___Shop_get_name,\n NULL, PyDoc_STR("Its name."), NULL},' in documented
    assert '"dekaf.shop",\n    PyDoc_STR("Shops."), /* docstring */' in documented


def test_attributes_that_are_no_properties_stay_as_they_are(documented: str) -> None:
    assert "(setter)shop___Shop_set__name,\n     NULL, NULL}," in documented


def test_what_is_made_at_run_time_is_completed_at_run_time(documented: str) -> None:
    executed = documented[documented.index("top_level__();") : documented.index("static struct PyModuleDef")]

    assert r'.tp_doc = PyDoc_STR("total_Report_obj()\n--\n\n" "Sum up."),' in documented
    assert 'if (Help_SetTextSignature(CPyType_shop___total_Report_obj, "(self, rate=1.5)") < 0)' in executed
    assert 'if (Help_SetClassDoc(CPyStatic_shop___globals, "Report", "A report.") < 0)' in executed


def test_the_functions_that_the_code_calls_stand_after_the_headers(documented: str) -> None:
    headers, _, rest = documented.partition('#include "__native_internal_shop.h"\n')

    assert "Help_" not in headers
    assert rest.index("static PyObject *Help_NewFunction(") < rest.index("= Help_NewFunction(")
    assert "PyObject *made = CPyFunction_New(" in rest


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ("CPyPy_shop___Shop___sell", "shop___Shop___sell"),
        ("shop___Shop_get_name", "shop___Shop_get_name"),
        ("CPyType_shop___total_Report_obj", "Report.total"),
        ('"dekaf.shop"', "dekaf.shop"),
        ("CPyDef_shop_____top_level__", "shop"),
        ("__native_internal_shop.h", "internal header 0 times"),
    ],
)
def test_code_that_looks_otherwise_than_expected_is_refused(changed: str, missing: str, shop: Module) -> None:
    assert changed in CODE

    with pytest.raises(UnexpectedCodeError, match=missing):
        document(CODE.replace(changed, "something_else"), [shop])


@pytest.mark.parametrize("text", ["", "a", 'one "two"\n\n\tthree\\', "what??!", "0 ≤ hash < 2³¹", "\x01" + "1"])
def test_literals_mean_the_text(text: str) -> None:
    written = "".join(line[1:-1] for line in literal(text).split("\n"))

    assert c_value(written) == text.encode()


def c_value(written: str) -> bytes:
    """Read what stands between the quotes as C does; of Python's escapes, those in use here mean the same."""
    assert "??" not in written  # a trigraph
    return written.replace("\\?", "?").encode("ascii").decode("unicode_escape").encode("latin-1")


def test_mypyc_is_run_through_the_step() -> None:
    program = "from setuptools import setup\nfrom mypyc.build import mypycify\n\nsetup(ext_modules=mypycify([]))\n"

    changed = with_help(lambda: program, "/root/of/it")()

    assert "from tools.runtime_help.mypycify import mypycify\n\nsetup(" in changed
    assert "'/root/of/it'" in changed
    assert "mypyc.build" not in changed


def test_a_program_that_runs_mypyc_in_another_way_is_refused() -> None:
    with pytest.raises(RuntimeError, match="another way"):
        with_help(lambda: "import mypyc\n", "/root/of/it")()


def test_stubs_are_the_sources_of_public_modules(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "stubs"
    for name in ("dekaf/types.py", "dekaf/producer/types.py", "dekaf/_wire/reader.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"NAME = {name!r}\n")

    stubs = write_stubs(root, ["/dekaf/types.py", "/dekaf/producer/*.py", "/dekaf/_*/[a-z]*.py"], folder)

    assert sorted(stubs.values()) == ["dekaf/producer/types.pyi", "dekaf/types.pyi"]
    assert all(Path(stub).read_text() == f"NAME = '{name[:-1]}'\n" for stub, name in stubs.items())


@pytest.mark.parametrize(
    "path", ["dekaf/producer/sync_producer.py", str(Path("dekaf", "producer", "sync_producer.py"))]
)
def test_a_module_is_named_by_its_path(path: str) -> None:
    assert module_name(path) == "dekaf.producer.sync_producer"


def test_a_failure_is_handed_on_by_a_call_that_is_not_deprecated() -> None:
    runtime = "_CPy_GetExcInfo(&type, &value, &traceback);\nres = {call};\n"
    its, ours = "PyObject_CallFunctionObjArgs(_m, type, value, traceback, NULL)", "PyObject_CallOneArg(_m, value)"

    assert correct_runtime(runtime.format(call=its)) == runtime.format(call=ours)
    assert include_corrected("#include <exc_ops.c>\n#include <misc_ops.c>\n") == (
        '#include <exc_ops.c>\n#include "misc_ops.c"\n'
    )


def test_a_runtime_library_that_hands_on_failures_in_another_way_is_refused() -> None:
    with pytest.raises(UnexpectedCodeError, match="0 times instead of once"):
        correct_runtime("res = PyObject_CallOneArg(_m, value);\n")
    with pytest.raises(UnexpectedCodeError, match="0 times instead of once"):
        include_corrected('#include "misc_ops.c"\n')
