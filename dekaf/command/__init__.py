"""What `python -m dekaf` does: a module for each sub-command."""
