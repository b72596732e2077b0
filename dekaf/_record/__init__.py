"""Record batches and their compression: the bytes that end up in a partition's log."""
