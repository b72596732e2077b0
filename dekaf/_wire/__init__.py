"""Bytes and numbers in Kafka's encodings; knows nothing of Kafka's APIs, and no socket."""
