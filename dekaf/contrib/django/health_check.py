"""A check for django-health-check: `HealthCheckView.as_view(checks=["dekaf.contrib.django.health_check.Producer"])`."""

from __future__ import annotations

import dataclasses

from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable, ServiceWarning

from dekaf.contrib.django.producers import get_registry
from dekaf.health import Health
from dekaf.probes import CHECK_TIMEOUT, Probes
from dekaf.registry import DEFAULT_ALIAS

__all__ = ("Producer",)


@dataclasses.dataclass
class Producer(HealthCheck):  # type: ignore[misc] # health_check is not typed
    """Whether a producer of this process can take messages, from its own counters alone.

    Args:
        alias: Which of the producers in ``settings.DEKAF``.
        require_kafka: Whether a broker has to answer; the check asks one each time it runs.

    Raises:
        ServiceUnavailable: It is closing, its buffer is full, or no broker answers and one has to.
        ServiceWarning: Something is wrong, and sending requests elsewhere would not help.
    """

    alias: str = DEFAULT_ALIAS
    require_kafka: bool = False

    async def run(self) -> None:
        """Look; it neither blocks nor waits unless `require_kafka` says so."""
        probes = Probes(aliases=[self.alias], require_kafka=self.require_kafka, timeout=CHECK_TIMEOUT)
        answer = await probes.aready(get_registry())
        said = " ".join([*answer.body["reasons"], *answer.body["producers"][self.alias]["reasons"]])
        if answer.body["status"] == Health.DOWN:
            raise ServiceUnavailable(said)
        if answer.body["status"] == Health.DEGRADED:
            raise ServiceWarning(said)
