"""What runs on the I/O thread: what to send, what an answer means, which broker to ask."""
