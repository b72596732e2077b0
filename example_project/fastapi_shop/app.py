"""The FastAPI application: `uvicorn --factory example_project.fastapi_shop.app:create_app`."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import HTTPConnection

from dekaf import ProduceError, RecordMetadata
from dekaf.contrib.fastapi import DekafSettings, dekaf_lifespan
from example_project.fastapi_shop.container import ShopContainer
from example_project.shop.events import EVENT_SERIALIZER, PRICES_CENTS, Item, Order
from example_project.shop.service import OrderService

router = APIRouter()


# A dependency that reads the container. It is a coroutine, which saves a change of threads per request, and takes an
# HTTPConnection, which serves WebSockets too. There is no @inject and no wiring that could be forgotten: then an
# endpoint would run with a marker object instead of the service, and answer 200.
async def order_service(connection: HTTPConnection) -> OrderService:
    container: ShopContainer = connection.app.state.container
    return container.orders()


OrderServiceDep = Annotated[OrderService, Depends(order_service)]


@router.get("/items/{item}")
async def show_item(item: Item, customer: str, orders: OrderServiceDep) -> dict[str, object]:
    orders.item_viewed(item, customer)
    return {"item": item, "price_cents": PRICES_CENTS[item]}


@router.post("/orders", status_code=201)
async def place_order(order: Order, orders: OrderServiceDep) -> dict[str, object]:
    written: RecordMetadata = await orders.place_order(order)
    return {
        "order_id": order.order_id,
        "topic": written.topic,
        "partition": written.partition,
        "offset": written.offset,
    }


@router.post("/orders/express", status_code=202)
async def accept_order(order: Order, orders: OrderServiceDep) -> dict[str, object]:
    orders.accept_order(order)
    return {"order_id": order.order_id}


async def answer_produce_error(_: Request, error: Exception) -> JSONResponse:
    # Not this request's fault, and Kafka may be back in a moment. `may_be_placed`: an acknowledgement got lost, so
    # ordering again might get two coffees.
    may_be_placed = isinstance(error, ProduceError) and error.may_be_persisted
    return JSONResponse({"detail": "The order was not confirmed.", "may_be_placed": may_be_placed}, status_code=503)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
    container: ShopContainer = app.state.container
    # Owns the producers from here to the shutdown, where it delivers what is still waiting. Starting connects to
    # nothing: the application comes up while Kafka is away.
    async with dekaf_lifespan(container.kafka.registry())(app) as state:
        # Requests that wait for an acknowledgement are objects that survive the collector's young generations, so
        # full collections become frequent, and each walks every object made at start-up: modules, models, routes. They
        # never become garbage; take them out of its sight, once, when all of them are there.
        gc.collect()
        gc.freeze()
        yield state


def create_app(container: ShopContainer | None = None) -> FastAPI:
    """Return the application; a test may bring its own container."""
    app = FastAPI(title="Coffee shop", lifespan=lifespan)
    app.state.container = container or container_from_environment()
    app.include_router(router)
    app.add_exception_handler(ProduceError, answer_produce_error)
    return app


def container_from_environment() -> ShopContainer:
    """Return the container that `DEKAF_BOOTSTRAP_SERVERS` and other `DEKAF_…` variables configure.

    Files in the folder `SHOP_SECRETS_DIR` count as well: `DEKAF_SASL_PASSWORD`, as Docker and Kubernetes mount them.
    """
    # uvicorn configures its own loggers only; this one lets dekaf report what it delivered at shutdown.
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    container = ShopContainer()
    container.config.kafka.from_dict(
        {
            "bootstrap_servers": "localhost:9092",
            "client_id": "shop-fastapi",
            "key": str,
            "value": EVENT_SERIALIZER,
            **DekafSettings(_secrets_dir=os.environ.get("SHOP_SECRETS_DIR")).model_dump(),
        }
    )
    return container
