"""Dekaf for the package dependency-injector: the producers of an application as a container to be nested."""

from __future__ import annotations

from dekaf.contrib.extras import needing

with needing("di", "dependency_injector"):
    from dekaf.contrib.dependency_injector.container import ProducerContainer
    from dekaf.contrib.dependency_injector.wiring import check_wiring

__all__ = ("ProducerContainer", "check_wiring")
