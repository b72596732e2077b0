"""A producer in mixed use for minutes or hours: what it takes of memory, descriptors, threads and time, with limits."""
