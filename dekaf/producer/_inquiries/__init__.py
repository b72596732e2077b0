"""What is asked of any broker that is ready: the cluster's metadata, the producer id, who the cluster is."""
