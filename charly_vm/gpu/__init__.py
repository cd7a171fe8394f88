"""Graphics cards of the host, which serve one machine (VFIO) or many containers (their driver).

pci           a PCI function, as data
root          where the kernel's files are, and which of them may be read without a risk
inventory     what this host has
names         what people call it
wedge         a driver that never ends, and the device's lock with it
overrides     which driver alone may bind a function, asked for by a child that may be left alone
holders       who uses a card, found without touching it
cards         IOMMU groups as cards: their mode, and whether they are the host's own
selection     which cards a token means
steps         what a switch may do, and nothing else; as it is sent to the helper
plan          the steps from one mode to the other, or why not
helper        does them as root, one child with a deadline for each
journal       what a switch has begun and done, for whoever comes after it; poison
switch        asks the helper
allocation    the card of a machine, as devices of its host
"""
