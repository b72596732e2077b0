"""For ASGI servers: `uvicorn example_project.django_shop.asgi:application`."""

from __future__ import annotations

import os

# Not Django's own: that one answers no lifespan, so uvicorn could not tell it to deliver what is waiting at shutdown.
from dekaf.contrib.django.asgi import get_asgi_application
from example_project.django_shop.startup import freeze_startup_objects

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.django_shop.settings")

application = get_asgi_application()

freeze_startup_objects()
