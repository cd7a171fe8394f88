"""How much a server may make us hold. Every length on the wire is compared with these first.

They are far above what real machines do: a screen of 8192 by 4096 fits.
"""

from __future__ import annotations

MAX_SIDE = 16_384
"""Pixels, of a surface, an image or a cursor."""
MAX_PIXELS = 32 * 1024 * 1024
"""Of one surface or image."""
MAX_SURFACES = 1_024
MAX_SURFACE_PIXELS = 2 * MAX_PIXELS
"""Of all surfaces of a display together."""

MAX_DISPLAY_MESSAGE = 4 * MAX_PIXELS + 64 * 1024
"""Bytes: an image as large as any, not compressed, and what goes with it."""
MAX_MESSAGE = 1024 * 1024
"""Bytes, on the other channels; a server measures the line with a ping of 250 kB."""
MAX_OUTGOING = 256 * 1024
"""Bytes that wait for a server that does not read."""
MAX_SUB_MESSAGES = 256

MAX_CHANNELS = 256
MAX_HEADS = 64
MAX_CLIP_RECTS = 8_192
MAX_PALETTE_ENTRIES = 256
MAX_PALETTES = 64
MAX_GLYPHS = 4_096
MAX_PATH_POINTS = 65_536
MAX_LINE_PIXELS = 4 * 1024 * 1024
"""Of all lines that one message draws."""
MAX_DASHES = 255
MAX_STREAMS = 64
"""`SPICE_MAX_NUM_STREAMS`."""
MAX_CURSOR_SIDE = 1_024
MAX_CURSORS = 256

PIXMAP_CACHE_PIXELS = 4 * 1024 * 1024
GLZ_WINDOW_PIXELS = 4 * 1024 * 1024
"""Both are what we announce to the server, and it keeps the count. 16 MiB each at the most."""
