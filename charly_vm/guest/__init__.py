"""Talking to a guest: SSH, and the testinfra host on it."""
