"""The elements of a libvirt domain, one module each. The source: libvirt's formatdomain page."""
