"""The same with dishka."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from dishka import Provider, Scope, make_async_container, provide
from dishka.integrations.fastapi import DishkaRoute, FromDishka, setup_dishka
from fastapi import APIRouter, FastAPI
from orders.events import OrderEvent
from orders.services import AsyncOrderService

from dekaf import ProducerRegistry


class KafkaProvider(Provider):
    @provide(scope=Scope.APP)
    async def registry(self) -> AsyncIterator[ProducerRegistry]:
        async with ProducerRegistry({"bootstrap_servers": "kafka.invalid:9092"}) as registry:
            yield registry

    @provide(scope=Scope.REQUEST)
    def orders(self, registry: ProducerRegistry) -> AsyncOrderService:
        return AsyncOrderService(registry.async_producer("default", str, OrderEvent))


router = APIRouter(route_class=DishkaRoute)


@router.post("/orders/{order_id}")
async def place(order_id: str, orders: FromDishka[AsyncOrderService]) -> int:
    return await orders.place(order_id, OrderEvent("ada"))


def create_app() -> FastAPI:
    container = make_async_container(KafkaProvider())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        yield
        await container.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    setup_dishka(container, app)
    return app
