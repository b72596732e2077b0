from __future__ import annotations

import subprocess
import sys

import pytest

from dekaf.contrib.extras import needing

PROGRAM = """
import sys
sys.modules[{package!r}] = None  # importing it fails
try:
    import dekaf.contrib.{adapter}
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("adapter", "package", "extra"),
    [
        ("fastapi", "pydantic_settings", "fastapi"),
        ("fastapi", "fastapi", "fastapi"),
        ("django", "django", "django"),
        ("opentelemetry", "opentelemetry", "opentelemetry"),
        ("prometheus", "prometheus_client", "prometheus"),
        ("dependency_injector", "dependency_injector", "di"),
    ],
)
def test_an_adapter_whose_extra_is_not_installed_says_how_to(adapter: str, package: str, extra: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(adapter=adapter, package=package)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"pip install 'dekaf[{extra}]'" in done.stdout
    assert package in done.stdout


def test_another_module_that_is_not_there_is_none_of_the_extras() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_module'$"), needing("django", "django"):
        import no_such_module  # type: ignore[import-not-found] # noqa: F401, PLC0415
