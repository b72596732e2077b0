"""The Django shop with its page: `uvicorn example_project.page.django_page:application`, with the page's settings."""

from __future__ import annotations

from example_project.django_shop.asgi import application as shop
from example_project.page.guard import Guard

application = Guard(shop)
