"""The distributions that can be bootstrapped: how each makes its tree of files, and what boots it.

choice        which distribution and builder a source means
tree_recipe   what each has to tell; common: what all say alike
debian        debian_ports, debootstrap
fedora        dnf_installroot, dnf_repositories
arch          pacstrap, pacman_conf, pacman_repositories
repositories  where the user says where packages are
"""
