"""Dekaf in FastAPI: a lifespan that owns the producers, and dependencies that hand them to endpoints.

app = FastAPI(lifespan=dekaf_lifespan({"bootstrap_servers": "localhost:9092"}))


@app.post("/orders")
async def place(order: Order, producer: ProducerDep) -> None:
    await producer.produce("orders", order.id, order)
"""

from __future__ import annotations

from dekaf.contrib.extras import needing

with needing("fastapi", "fastapi", "starlette", "pydantic_settings"):
    from dekaf.contrib.fastapi.dependencies import (
        ProducerDep,
        SyncProducerDep,
        get_producer,
        get_registry,
        get_sync_producer,
        producer_for,
        registry_of,
        sync_producer_for,
        sync_topic_for,
        topic_for,
    )
    from dekaf.contrib.fastapi.encoders import register_encoders as _register_encoders
    from dekaf.contrib.fastapi.error_handlers import install_error_handlers
    from dekaf.contrib.fastapi.health import health_router
    from dekaf.contrib.fastapi.lifespan import dekaf_lifespan
    from dekaf.contrib.fastapi.settings import DekafSettings

__all__ = (
    "DekafSettings",
    "ProducerDep",
    "SyncProducerDep",
    "dekaf_lifespan",
    "get_producer",
    "get_registry",
    "get_sync_producer",
    "health_router",
    "install_error_handlers",
    "producer_for",
    "registry_of",
    "sync_producer_for",
    "sync_topic_for",
    "topic_for",
)

_register_encoders()
