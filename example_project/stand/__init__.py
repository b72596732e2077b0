"""What stands behind the page of the shops: a Kafka to stop and start, somebody who reads it, and both servers."""
