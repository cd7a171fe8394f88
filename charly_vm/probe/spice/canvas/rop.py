"""Raster operations as truth tables; pure.

A ternary operation of GDI is a byte: bit `p << 2 | s << 1 | d` is the result for these bits of
pattern, source and destination. What SPICE says with a `SpiceRopd` is such an operation, too.
"""

from __future__ import annotations

from charly_vm.probe.spice.protocol.drawing import SpiceRopd

PATTERN, SOURCE, DESTINATION = 0xF0, 0xCC, 0xAA
"""The operations that give one input as it is."""
BLACKNESS, WHITENESS, INVERT = 0x00, 0xFF, 0x55


def ternary_of(descriptor: int, first: int, second: int) -> int:
    """The truth table of a rop descriptor for its two inputs, each of them one of the above."""
    first ^= 0xFF * bool(descriptor & _inversion(first))
    second ^= 0xFF * bool(descriptor & _inversion(second))
    if descriptor & SpiceRopd.OP_PUT:
        result = first
    elif descriptor & SpiceRopd.OP_OR:
        result = first | second
    elif descriptor & SpiceRopd.OP_AND:
        result = first & second
    elif descriptor & SpiceRopd.OP_XOR:
        result = first ^ second
    elif descriptor & SpiceRopd.OP_BLACKNESS:
        return BLACKNESS
    elif descriptor & SpiceRopd.OP_WHITENESS:
        return WHITENESS
    elif descriptor & SpiceRopd.OP_INVERS:
        return INVERT
    else:
        return first
    return result ^ 0xFF * bool(descriptor & SpiceRopd.INVERS_RES)


def _inversion(operand: int) -> int:
    return {
        PATTERN: SpiceRopd.INVERS_BRUSH,
        SOURCE: SpiceRopd.INVERS_SRC,
        DESTINATION: SpiceRopd.INVERS_DEST,
    }[operand]


def uses(ternary: int, operand: int) -> bool:
    """Whether the result depends on that input."""
    shift = {PATTERN: 4, SOURCE: 2, DESTINATION: 1}[operand]
    return (ternary & operand) >> shift != ternary & ~operand & 0xFF


def combine(ternary: int, pattern: int, source: int, destination: int, ones: int) -> int:
    """The operation on all bits of three numbers at once; `ones` has every bit set."""
    result = 0
    for index in range(8):
        if ternary >> index & 1:
            result |= (
                (pattern if index & 4 else pattern ^ ones)
                & (source if index & 2 else source ^ ones)
                & (destination if index & 1 else destination ^ ones)
            )
    return result
