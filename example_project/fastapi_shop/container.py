"""What the shop is made of: one container, with the container of the producers inside."""

from __future__ import annotations

from dependency_injector import containers, providers

from dekaf.contrib.dependency_injector import ProducerContainer
from example_project.shop.service import OrderService


class ShopContainer(containers.DeclarativeContainer):
    config = providers.Configuration()

    # Made when first asked for, with config.kafka as it is then; one engine for the whole process.
    kafka = providers.Container(ProducerContainer, config=config.kafka)

    orders = providers.Factory(OrderService, producer=kafka.async_producer)
