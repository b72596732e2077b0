"""Endpoints of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, BackgroundTasks, WebSocket
from fastapi.responses import JSONResponse, StreamingResponse

from api.dependencies import AnyProducer, Audit, AuditProducer, OrderProducer, Orders
from api.models import Order, Placed
from dekaf import ProducerStatus, RecordMetadata
from dekaf.contrib.fastapi import ProducerDep, SyncProducerDep
from dekaf.health import producer_health

router = APIRouter()


@router.post("/orders", status_code=201)
async def place(order: Order, producer: OrderProducer, tasks: BackgroundTasks) -> Placed:
    written = await producer.produce("orders", order.id, order, headers={"source": "api"})
    tasks.add_task(producer.fire, "orders", order.id, order)
    return Placed(order=order.id, written=written)


@router.post("/baskets", status_code=201)
async def place_many(basket: list[Order], orders: Orders) -> list[RecordMetadata]:
    return await orders.produce_all((order.id, order) for order in basket)


@router.post("/audit/{who}")
def audit(who: str, audit: Audit, producer: AuditProducer) -> int:
    producer.fire("audit-log", who, "asked")
    return audit.produce(who, "was told").offset


@router.get("/stream/{count}")
async def stream(count: int, producer: AnyProducer) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        for number in range(count):
            metadata = await producer.produce("streamed", value={"number": number})
            yield f"{metadata.offset}\n"

    return StreamingResponse(lines())


@router.websocket("/socket")
async def talk(socket: WebSocket, producer: ProducerDep) -> None:
    await socket.accept()
    metadata = await producer.produce("socket", value=await socket.receive_text())
    await socket.send_json(metadata.as_dict())
    await socket.close()


@router.get("/status")
async def status(producer: ProducerDep) -> ProducerStatus:
    return producer.status()


@router.get("/readyz")
def is_ready(producer: SyncProducerDep) -> JSONResponse:
    report = producer_health(producer)
    return JSONResponse(report.as_dict(), 200 if report.is_ready else 503)
