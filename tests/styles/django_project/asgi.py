"""The project's ASGI application: Django, and a consumer of Channels."""

from __future__ import annotations

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter

from dekaf.contrib.django import get_async_producer
from dekaf.contrib.django.asgi import get_asgi_application, with_lifespan


class OrderConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc] # Channels is not typed
    """Produces what it is told, and answers with the offset."""

    async def receive_json(self, content: Any, **_: Any) -> None:
        """Produce one message."""
        metadata = await get_async_producer().produce("orders", content["id"], content)
        await self.send_json({"offset": metadata.offset})


application = with_lifespan(ProtocolTypeRouter({"http": get_asgi_application(), "websocket": OrderConsumer.as_asgi()}))
