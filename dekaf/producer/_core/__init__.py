"""What both faces stand on: the way in for a record, and a producer's life."""
