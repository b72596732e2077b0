"""A container of dependency-injector whose providers ask Django's adapter."""

from __future__ import annotations

from dependency_injector import containers, providers

from dekaf.contrib.django import get_producer
from orders.events import OrderEvent
from orders.services import OrderService


def _order_service() -> OrderService:
    return OrderService(get_producer("default", str, OrderEvent))


class Container(containers.DeclarativeContainer):
    wiring_config = containers.WiringConfiguration(modules=["orders.views"])

    orders = providers.Factory(_order_service)
