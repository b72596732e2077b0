# No `from __future__ import annotations`: it is one of the mistakes, made where a test says so.
"""Every way in which `@inject` fails silently, and what is said of it."""

import re
import types
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from dependency_injector import containers, providers
from dependency_injector.wiring import Closing, Provide, inject
from fastapi import APIRouter, Depends, FastAPI
from fastapi.testclient import TestClient

from dekaf.contrib.dependency_injector import ProducerContainer, check_wiring
from dekaf.errors import ConfigurationError
from dekaf.testing import KafkaFixture


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    kafka = providers.Container(ProducerContainer, config=config.kafka)


@pytest.fixture
def module(request: pytest.FixtureRequest) -> Any:
    """A module of endpoints that a test fills."""
    return types.ModuleType(f"views_of_{re.sub(r'[^a-z0-9]', '_', request.node.name)}")


@pytest.fixture
def container(module: Any) -> Any:
    container = Application()
    container.config.kafka.from_dict({"bootstrap_servers": "127.0.0.1:1"})
    yield container
    container.unwire()


def define(module: Any, source: str) -> None:
    """Run the code of a module."""
    names = {
        "Annotated": Annotated,
        "Application": Application,
        "APIRouter": APIRouter,
        "Any": Any,
        "Closing": Closing,
        "Depends": Depends,
        "ProducerContainer": ProducerContainer,
        "Provide": Provide,
        "inject": inject,
        "router": APIRouter(),
    }
    module.__dict__.update(names)
    exec(compile(source, module.__name__, "exec", dont_inherit=True), module.__dict__)


def app_of(module: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(module.router)
    return app


RIGHT = {
    "default": """
@router.post("/")
@inject
async def place(producer: Any = Depends(Provide[Application.kafka.async_producer])) -> int:
    return (await producer.produce("orders", "42", "paid")).offset
""",
    "annotated": """
@router.post("/")
@inject
async def place(producer: Annotated[Any, Depends(Provide[Application.kafka.async_producer])]) -> int:
    return (await producer.produce("orders", "42", "paid")).offset
""",
    "default with future annotations": """
from __future__ import annotations
@router.post("/")
@inject
async def place(producer: Any = Depends(Provide[Application.kafka.async_producer])) -> int:
    return (await producer.produce("orders", "42", "paid")).offset
""",
    "in a dependency": """
@inject
def service(producer: Any = Depends(Provide[Application.kafka.async_producer])) -> Any:
    return producer
@router.post("/")
async def place(producer: Any = Depends(service)) -> int:
    return (await producer.produce("orders", "42", "paid")).offset
""",
}


@pytest.mark.parametrize("source", RIGHT.values(), ids=RIGHT)
def test_what_works_passes(container: Any, module: Any, kafka: KafkaFixture, source: str) -> None:
    define(module, source)
    container.wire(modules=[module])
    app = app_of(module)

    check_wiring(app, module)

    with TestClient(app) as client:
        assert client.post("/").json() == 0
    kafka.assert_produced("orders", key="42", value="paid")


PLACE = """
async def place(producer: Any = Depends(Provide[Application.kafka.async_producer])) -> str:
    return type(producer).__name__
"""
RIGHT_IN_A_DEPENDENCY = """
@inject
def service(producer: Any = Depends(Provide[Application.kafka.async_producer])) -> Any:
    return producer
@router.post("/")
async def place(producer: Any = Depends(service)) -> str:
    return type(producer).__name__
"""
SILENT = {
    "inject above the route": (f'@inject\n@router.post("/"){PLACE}', "@inject is missing, or stands above"),
    "no inject": (f'@router.post("/"){PLACE}', "@inject is missing"),
    "another container's marker": (
        f'@router.post("/")\n@inject{PLACE}'.replace("Application.kafka.", "ProducerContainer."),
        "its marker is that of another container",
    ),
    "in a dependency": (
        RIGHT_IN_A_DEPENDENCY.replace("@inject\n", ""),
        "service(producer): @inject is missing",
    ),
}


@pytest.mark.parametrize(("source", "said"), SILENT.values(), ids=SILENT)
def test_what_fails_silently_is_told(container: Any, module: Any, kafka: KafkaFixture, source: str, said: str) -> None:
    define(module, source)
    container.wire(modules=[module])
    app = app_of(module)
    with TestClient(app) as client:
        assert client.post("/").json() == "Provide"  # 200, and a marker

    with pytest.raises(ConfigurationError, match="would inject nothing here") as caught:
        check_wiring(app)

    assert said in str(caught.value)
    assert module.__name__ in str(caught.value)


def test_a_container_that_is_not_wired_is_told(module: Any) -> None:
    define(module, f'@router.post("/")\n@inject{PLACE}')

    with pytest.raises(ConfigurationError, match=r"place\(producer\): the container is not wired to views_of_"):
        check_wiring(app_of(module))


@pytest.mark.filterwarnings("ignore:@inject is not required here")
def test_annotations_that_are_text_are_told(container: Any, module: Any) -> None:
    define(
        module,
        "from __future__ import annotations\n@router.post('/')\n@inject\n"
        "async def place(producer: Annotated[Any, Depends(Provide[Application.kafka.async_producer])]) -> str:\n"
        "    return type(producer).__name__\n",
    )
    container.wire(modules=[module])

    with pytest.raises(ConfigurationError) as caught:
        check_wiring(app_of(module))

    assert "write `producer = Depends(Provide[Application.kafka.async_producer])`" in str(caught.value)


def test_functions_and_classes_of_modules_are_looked_at_and_those_of_others_are_not(module: Any) -> None:
    define(
        module,
        "from dekaf.contrib.dependency_injector import check_wiring\n"
        "def view(request, producer=Provide[Application.kafka.producer]):\n    pass\n"
        "class View:\n"
        "    def get(self, request, producer=Closing[Provide[Application.kafka.producer]]):\n        pass\n"
        "    @staticmethod\n    def post(request, producer=Provide[Application.kafka.producer]):\n        pass\n"
        "    title = 'a view'\n",
    )

    with pytest.raises(ConfigurationError) as caught:
        check_wiring(module)

    told = re.findall(r"\.([\w.]+)\(producer\): ", str(caught.value))
    assert told == ["view", "View.get", "View.post"]


def test_mounted_applications_are_looked_at(module: Any) -> None:
    define(module, f'@router.post("/"){PLACE}')
    outer = FastAPI()
    outer.mount("/inner", app_of(module))

    with pytest.raises(ConfigurationError, match="@inject is missing"):
        check_wiring(outer)


def test_what_asks_for_nothing_passes() -> None:
    def plain(request: object, *arguments: object, limit: int = 3) -> None:
        """Have no markers."""

    view: Callable[..., None] = plain
    check_wiring(view, FastAPI(), types.ModuleType("empty"), object())
