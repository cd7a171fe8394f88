"""Who may use what: scarce things of this host are claimed, waited for, taken from those who agreed
to give way, and given back.

wish         what is wanted, all at once
policy       pure: who gets what, who is stopped for it, who waits and why
records      what is on disk, as data
ledger       the directory, its lock, and what it holds at this moment
sharing      what its directory has to be where several accounts share it
liveness     the locks that tell whether who made a record lives
wakeup       how a claimant that waits learns that it may have its turn
desk         one account's ledger and household, and what is brought in order at each look
waiting      one claim until it is granted
claiming     claims and leases, for everybody else
preemption   holders that give way, and that come back
modes        what is switched for claims, such as a card, and back after them
inhibition   an owner at work, whose holders do not give way
explanation  what is waited for, in words
foreign      tokens that the Go program on the same host has leased
"""
