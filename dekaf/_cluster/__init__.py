"""What the client knows of the cluster, and when to ask again."""
