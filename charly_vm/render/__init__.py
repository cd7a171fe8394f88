"""Pure functions from a resolved machine to what libvirt, QEMU and cloud-init read."""
