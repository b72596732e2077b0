"""ASGI applications: as a project should have it, and as it may have it."""

from __future__ import annotations

from django.core.asgi import get_asgi_application as get_plain_application

from dekaf.contrib.django.asgi import get_asgi_application, with_lifespan
from dekaf.contrib.django.lifespan import ASGIApplication, Message, Receive, Send


class Middleware:
    def __init__(self, app: ASGIApplication) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


application = get_asgi_application()
plain = get_plain_application()
wrapped_by_others = Middleware(application)
plain_in_middleware = Middleware(plain)
other = with_lifespan(plain)
