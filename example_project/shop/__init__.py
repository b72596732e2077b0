"""What the shop does, without a word about the framework that serves it."""
