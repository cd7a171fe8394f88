"""The numbers of the SPICE protocol, named as its published headers name them."""
