"""The client processes: each does one job and prints one line of JSON."""
