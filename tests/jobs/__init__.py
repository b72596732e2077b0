"""Job queues whose workers are told to stop; `nox -s jobs` has the packages."""
