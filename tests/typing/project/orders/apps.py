"""The application: its receivers and its container."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig

from dekaf.contrib.dependency_injector import check_wiring


class OrdersConfig(AppConfig):
    name = "orders"

    def ready(self) -> None:
        import_module("orders.receivers")
        views = import_module("orders.views")
        containers = import_module("orders.containers")
        self.container = containers.Container()
        check_wiring(views)
