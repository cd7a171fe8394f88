"""What a person needs to understand a machine afterwards, collected while it is still there.

collect       one phase's directory: what host and guest can tell, and why the rest is missing
questions     what the guest is asked, in shell
guest_asking  how it is asked: over SSH or by its agent, each answer bounded in time and bytes
redaction     what must not be in it
of_bed        the directory of one run of a bed: phases, artifacts, timings
"""
