"""What people see while beds run, from wherever a bed runs to the one terminal.

events        what a bed tells, as values that can be sent
bed_progress  the engine's `Progress` for one bed, as events
watch         pytest's hooks in the process that runs beds: checks, consoles
channel       events from a worker of pytest-xdist to the controller
board         which beds run and what each of them does, as far as it was told
lines         what that looks like, on a terminal and in a pipe
screen        the terminal, which pytest writes to as well
display       puts these together, in the process that has the terminal
wiring        which of these a pytest run needs
notes         what tests on workers say where there are no beds
"""
