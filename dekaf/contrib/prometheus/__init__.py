"""Metrics for Prometheus, through ``prometheus_client``: of one process, or of all workers of gunicorn."""

from __future__ import annotations

from dekaf.contrib.extras import needing

with needing("prometheus", "prometheus_client"):
    from dekaf.contrib.prometheus.collector import DekafCollector, collect
    from dekaf.contrib.prometheus.multiprocess import install_multiprocess
    from dekaf.contrib.prometheus.targets import Target

__all__ = ("DekafCollector", "Target", "collect", "install_multiprocess")
