"""The demo: a Kafka, the shop on three servers, orders over HTTP, and a reader that is not dekaf."""
