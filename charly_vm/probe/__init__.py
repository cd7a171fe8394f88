"""Probes: what asks a machine questions over one protocol at a time."""
