"""A page of documentation whose Python blocks run: in order, in one namespace, with a fake Kafka at localhost:9092.

What the page may say about it, in comments that no reader sees:

    <!-- invisible-code-block: python … -->   code that runs in its place: what the reader has, and we have not
    <!-- not run: why -->                      the next block stays as it is

In these blocks `cluster` is the `FakeCluster`, `monkeypatch` is pytest's, and `cleanup` an `ExitStack` of the page. A
block may `await` outside of functions. What the page calls a host, a file or a module, and we have under another name,
goes into the dictionary `stands_in`. A block of `ini` with `title="Environment"` sets these variables.

A table whose first head is "dekaf says" holds errors; `explained(error)` checks that one of its rows is about an error,
and in the end each row has to have had one. In a row `…` stands for anything.

A block with `title="shop/views.py"` is that module, which later blocks may import. Functions named `test_…` are called,
with a `KafkaFixture` for `kafka` and the page's own names for other parameters. A block of text with `title="Output"`
has to be what the Python block before it printed; `...` in it stands for anything.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import re
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

import pytest
from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import DirectiveInHTMLCommentLexer, RawFencedCodeBlockLexer

from dekaf import AsyncProducer, Producer
from dekaf.testing import FakeCluster, KafkaFixture
from tests.docs.error_table import ErrorTable

__all__ = ("Page", "marks_of_blocks_not_run")

DOCUMENTED_ADDRESS: Final = "localhost:9092"

_FENCES: Final = RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)\n"))
_INVISIBLE: Final = DirectiveInHTMLCommentLexer("invisible-code-block", "python")
_NOT_RUN: Final = re.compile(r"<!-- not run: (?P<why>.+) -->\s*\Z")
_ANY_NOT_RUN: Final = re.compile(r"<!-- not run: .+ -->")
_TITLE: Final = re.compile(r'title="(?P<title>[^"]+)"')
_OUTPUT_FLAGS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def marks_of_blocks_not_run(path: Path) -> list[str]:
    """Return the marks of the blocks that a page does not let run."""
    return _ANY_NOT_RUN.findall(path.read_text(encoding="utf-8"))


class Page:
    """One run of one page. A context manager: in the end it closes producers that the page left open."""

    def __init__(self, path: Path, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        self._document = Document.parse(str(path), self._regions)
        self._stands_in = {DOCUMENTED_ADDRESS: cluster.bootstrap_servers}
        self._errors = ErrorTable(self._document.text)
        self._monkeypatch = monkeypatch
        self._modules: dict[str, ModuleType] = {}
        self._main = self._module(f"page_{path.stem.replace('-', '_').lower()}")
        self._cleanup = contextlib.ExitStack()
        self._main.__dict__.update(
            cluster=cluster,
            monkeypatch=monkeypatch,
            cleanup=self._cleanup,
            stands_in=self._stands_in,
            explained=self._explained,
        )
        self._runner = asyncio.Runner()
        self._printed = ""

    def run(self) -> int:
        """Run all blocks; return how many there were."""
        examples = list(self._document.examples())
        for example in examples:
            example.evaluate()
        assert not self._errors.unseen, "rows of the table of errors that no block has shown"
        return len(examples)

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for value in list(self._main.__dict__.values()):
            if isinstance(value, Producer):
                value.close(0)
            elif isinstance(value, AsyncProducer):
                self._runner.run(value.close(0))
        self._cleanup.close()
        self._runner.close()
        for name in self._modules:
            del sys.modules[name]

    # What a page consists of.

    def _regions(self, document: Document) -> Iterator[Region]:
        for region in _INVISIBLE(document):
            yield Region(region.start, region.end, (region.lexemes["source"], None), self._run)
        for region in _FENCES(document):
            info = region.lexemes["info"]
            language = info.split(" ")[0]
            title = _TITLE.search(info)
            name = title["title"] if title else None
            if language == "python" and not _NOT_RUN.search(document.text[: region.start]):
                yield Region(region.start, region.end, (region.lexemes["source"], name), self._run)
            elif language == "ini" and name == "Environment":
                yield Region(region.start, region.end, (region.lexemes["source"], None), self._set_variables)
            elif language == "text" and name == "Output":
                yield Region(region.start, region.end, (region.lexemes["source"], None), self._compare)

    # What becomes of a block.

    def _run(self, example: Example) -> None:
        source, title = example.parsed
        # Empty lines before it, so that a traceback shows the lines of the page.
        padded = "\n" * (example.line + source.line_offset) + self._as_it_is_here(source)
        code = compile(padded, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        module = self._module(_module_name(title)) if title and title.endswith(".py") else self._main
        before = dict(module.__dict__)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            if code.co_flags & inspect.CO_COROUTINE:
                self._runner.run(_evaluated(code, module.__dict__))
            else:
                exec(code, module.__dict__)  # our own documentation
            self._run_tests(module, before)
        if not title or title.endswith(".py"):
            self._main.__dict__.update({name: value for name, value in module.__dict__.items() if name[:2] != "__"})
        self._printed = self._as_documented(printed.getvalue())

    def _set_variables(self, example: Example) -> None:
        for line in str(example.parsed[0]).splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.partition("=")
                self._monkeypatch.setenv(name, self._as_it_is_here(value.strip('"')))

    def _explained(self, error: BaseException) -> None:
        self._errors.take(self._as_documented(str(error)))

    def _as_it_is_here(self, text: str) -> str:
        for documented, real in self._stands_in.items():
            text = text.replace(documented, real)
        return text

    def _as_documented(self, text: str) -> str:
        for documented, real in self._stands_in.items():
            text = text.replace(real, documented)
        return text

    def _run_tests(self, module: ModuleType, before: MutableMapping[str, Any]) -> None:
        for name, function in list(module.__dict__.items()):
            if name.startswith("test_") and before.get(name) is not function:
                parameters = inspect.signature(function).parameters
                with KafkaFixture() if "kafka" in parameters else contextlib.nullcontext() as fixture:
                    names = {**self._main.__dict__, **module.__dict__, "kafka": fixture}
                    outcome = function(*[names[parameter] for parameter in parameters])
                    if inspect.iscoroutine(outcome):
                        self._runner.run(outcome)

    def _compare(self, example: Example) -> str | None:
        expected = str(example.parsed[0])
        checker = doctest.OutputChecker()
        if checker.check_output(expected, self._printed, _OUTPUT_FLAGS):
            return None
        return checker.output_difference(doctest.Example("", expected), self._printed, _OUTPUT_FLAGS)

    def _module(self, name: str) -> ModuleType:
        if name in self._modules:
            return self._modules[name]
        assert name not in sys.modules, f"the page has a module {name}, and so have we"
        module = self._modules[name] = sys.modules[name] = ModuleType(name)
        package, _, attribute = name.rpartition(".")
        if package:
            parent = self._module(package)
            parent.__path__ = []
            setattr(parent, attribute, module)
        return module


async def _evaluated(code: Any, namespace: dict[str, Any]) -> None:
    await eval(code, namespace)  # our own documentation


def _module_name(title: str) -> str:
    return title.removesuffix(".py").replace("/", ".")
