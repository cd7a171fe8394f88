"""The lifecycle of machines: the only room that composes the others."""
