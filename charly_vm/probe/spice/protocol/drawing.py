"""Numbers of the display channel, as `enums.h` of the SPICE protocol has them.

A name that would begin with a digit begins with what the digit counts: `1BIT_LE` is `BIT1_LE`.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class SpiceClipType(IntEnum):
    NONE = 0
    RECTS = 1


class SpiceImageType(IntEnum):
    BITMAP = 0
    QUIC = 1
    RESERVED = 2
    LZ_PLT = 100
    LZ_RGB = 101
    GLZ_RGB = 102
    FROM_CACHE = 103
    SURFACE = 104
    JPEG = 105
    FROM_CACHE_LOSSLESS = 106
    ZLIB_GLZ_RGB = 107
    JPEG_ALPHA = 108
    LZ4 = 109


class SpiceImageFlags(IntFlag):
    CACHE_ME = 1 << 0
    HIGH_BITS_SET = 1 << 1
    CACHE_REPLACE_ME = 1 << 2


class SpiceImageCompression(IntEnum):
    INVALID = 0
    OFF = 1
    AUTO_GLZ = 2
    AUTO_LZ = 3
    QUIC = 4
    GLZ = 5
    LZ = 6
    LZ4 = 7


class SpiceBitmapFmt(IntEnum):
    INVALID = 0
    BIT1_LE = 1
    BIT1_BE = 2
    BIT4_LE = 3
    BIT4_BE = 4
    BIT8 = 5
    BIT16 = 6
    BIT24 = 7
    BIT32 = 8
    RGBA = 9
    BIT8_A = 10


class SpiceBitmapFlags(IntFlag):
    PAL_CACHE_ME = 1 << 0
    PAL_FROM_CACHE = 1 << 1
    TOP_DOWN = 1 << 2


class SpiceImageScaleMode(IntEnum):
    INTERPOLATE = 0
    NEAREST = 1


class SpiceBrushType(IntEnum):
    NONE = 0
    SOLID = 1
    PATTERN = 2


class SpiceMaskFlags(IntFlag):
    INVERS = 1 << 0


class SpiceRopd(IntFlag):
    """How a raster operation combines its inputs."""

    INVERS_SRC = 1 << 0
    INVERS_BRUSH = 1 << 1
    INVERS_DEST = 1 << 2
    OP_PUT = 1 << 3
    OP_OR = 1 << 4
    OP_AND = 1 << 5
    OP_XOR = 1 << 6
    OP_BLACKNESS = 1 << 7
    OP_WHITENESS = 1 << 8
    OP_INVERS = 1 << 9
    INVERS_RES = 1 << 10


class SpicePathFlags(IntFlag):
    BEGIN = 1 << 0
    END = 1 << 1
    CLOSE = 1 << 3
    BEZIER = 1 << 4


class SpiceLineFlags(IntFlag):
    START_WITH_GAP = 1 << 2
    STYLED = 1 << 3


class SpiceStringFlags(IntFlag):
    RASTER_A1 = 1 << 0
    RASTER_A4 = 1 << 1
    RASTER_A8 = 1 << 2
    RASTER_TOP_DOWN = 1 << 3


class SpiceSurfaceFlags(IntFlag):
    PRIMARY = 1 << 0
    STREAMING_MODE = 1 << 1


class SpiceSurfaceFmt(IntEnum):
    INVALID = 0
    A1 = 1
    A8 = 8
    RGB16_555 = 16
    XRGB32 = 32
    RGB16_565 = 80
    ARGB32 = 96


class SpiceAlphaFlags(IntFlag):
    DEST_HAS_ALPHA = 1 << 0
    SRC_SURFACE_HAS_ALPHA = 1 << 1


class SpiceCompositeFlags(IntFlag):
    OP0 = 1 << 0
    OP1 = 1 << 1
    OP2 = 1 << 2
    OP3 = 1 << 3
    OP4 = 1 << 4
    OP5 = 1 << 5
    OP6 = 1 << 6
    OP7 = 1 << 7
    SRC_FILTER0 = 1 << 8
    SRC_FILTER1 = 1 << 9
    SRC_FILTER2 = 1 << 10
    MASK_FILTER0 = 1 << 11
    MASK_FITLER1 = 1 << 12
    MASK_FILTER2 = 1 << 13
    SRC_REPEAT0 = 1 << 14
    SRC_REPEAT1 = 1 << 15
    MASK_REPEAT0 = 1 << 16
    MASK_REPEAT1 = 1 << 17
    COMPONENT_ALPHA = 1 << 18
    HAS_MASK = 1 << 19
    HAS_SRC_TRANSFORM = 1 << 20
    HAS_MASK_TRANSFORM = 1 << 21
    SOURCE_OPAQUE = 1 << 22
    MASK_OPAQUE = 1 << 23
    DEST_OPAQUE = 1 << 24


class SpiceResourceType(IntEnum):
    INVALID = 0
    PIXMAP = 1


class SpiceVideoCodecType(IntEnum):
    MJPEG = 1
    VP8 = 2
    H264 = 3
    VP9 = 4
    H265 = 5


class SpiceStreamFlags(IntFlag):
    TOP_DOWN = 1 << 0
