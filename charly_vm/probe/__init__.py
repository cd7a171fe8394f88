"""Probes: what asks a machine questions over one protocol at a time.

libvirt   does the VM work? the hypervisor, its monitor, and the guest agent through it
spice     does SPICE work, pixel by pixel? a client of our own
arguments what is wrong with an argument
screen    what can be told of a screen's picture: its text, and how it differs from another
keys      the keys of a keyboard by name
"""
