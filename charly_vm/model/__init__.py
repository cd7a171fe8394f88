"""What an author writes, as frozen models, and what it means on a host. Reads files, no more."""
