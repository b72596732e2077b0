"""What was accepted: one queue of batches per partition, and the bytes they take."""
