"""Looking at a machine from outside: what its display server says, by the wire itself.

spice         a client of the SPICE protocol: pictures of the screen, keyboard, mouse
"""
