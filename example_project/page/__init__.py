"""A page on which somebody orders, watches orders arrive, and takes Kafka away; each shop serves it by itself."""
