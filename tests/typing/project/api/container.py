"""The same with dependency-injector: the container owns the producers, and services get them."""

from __future__ import annotations

from typing import Annotated

from dependency_injector import containers, providers
from fastapi import Depends, FastAPI
from orders.events import OrderEvent
from orders.services import AsyncOrderService
from starlette.requests import HTTPConnection

from dekaf.contrib.dependency_injector import ProducerContainer, check_wiring
from dekaf.contrib.fastapi import dekaf_lifespan


class Application(containers.DeclarativeContainer):
    config = providers.Configuration()
    kafka = providers.Container(ProducerContainer, config=config.kafka)
    orders = providers.Factory(AsyncOrderService, producer=kafka.async_producer)


def orders_of(connection: HTTPConnection) -> AsyncOrderService:
    container: Application = connection.app.state.container
    return container.orders()


def create_app(kafka: dict[str, object]) -> FastAPI:
    container = Application()
    container.config.from_dict({"kafka": kafka})
    app = FastAPI(lifespan=dekaf_lifespan(container.kafka.registry()))
    app.state.container = container

    @app.post("/orders/{order_id}")
    async def place(order_id: str, orders: Annotated[AsyncOrderService, Depends(orders_of)]) -> int:
        return await orders.place(order_id, OrderEvent("ada"))

    check_wiring(app)
    return app
