"""QEMU's command line: one module per concept, and `command`, which composes them."""
