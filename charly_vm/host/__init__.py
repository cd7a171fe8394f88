"""The edges to the outside world: processes, files, locks, waiting, ports, the loop, facts."""
