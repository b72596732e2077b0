"""One module per Kafka client, each with that client's best way to do the same work."""
