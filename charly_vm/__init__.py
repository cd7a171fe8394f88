"""The engine: from a few lines of YAML to a running machine, and back to nothing."""
