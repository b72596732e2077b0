"""Kafka's requests and responses, one module per API: encode and decode, every version, no I/O."""
