"""Measure dekaf beside other Kafka producers, on a real Kafka: `python -m benchmarks --help`."""
