"""What runs on the I/O thread: what to send, and what an answer means."""
