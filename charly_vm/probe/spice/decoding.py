"""From images on the wire to rasters, with what is remembered between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from charly_vm.probe.spice.canvas.sources import BitMask, Mask, Placed, RasterMask
from charly_vm.probe.spice.codecs.bitmap import decode_bitmap
from charly_vm.probe.spice.codecs.glz import GlzWindow, decode_glz, inflate
from charly_vm.probe.spice.codecs.indexed import REVERSED
from charly_vm.probe.spice.codecs.jpeg import decode_jpeg, decode_jpeg_alpha
from charly_vm.probe.spice.codecs.lz import decode_lz
from charly_vm.probe.spice.codecs.lz4 import decode_lz4
from charly_vm.probe.spice.codecs.quic import decode_quic
from charly_vm.probe.spice.colours import widen_555
from charly_vm.probe.spice.draw_messages import WireMask
from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.image_cache import ImageCache, PaletteCache
from charly_vm.probe.spice.images import (
    PaletteReference,
    WireBitmap,
    WireImage,
    read_bitmap,
    read_palette_reference,
)
from charly_vm.probe.spice.limits import GLZ_WINDOW_PIXELS
from charly_vm.probe.spice.protocol.drawing import (
    SpiceBitmapFlags,
    SpiceBitmapFmt,
    SpiceImageFlags,
    SpiceImageType,
    SpiceSurfaceFmt,
)
from charly_vm.probe.spice.raster import Raster, Surface
from charly_vm.probe.spice.reader import Reader

_CACHED = (SpiceImageType.FROM_CACHE, SpiceImageType.FROM_CACHE_LOSSLESS)
_LOSSY = (SpiceImageType.JPEG, SpiceImageType.JPEG_ALPHA)
_ONE_BIT = (SpiceBitmapFmt.BIT1_LE, SpiceBitmapFmt.BIT1_BE)

_MAX_GLZ_BYTES_PER_PIXEL = 6
"""GLZ never makes an image much larger than it is; a bound for what zlib may give."""


class ImageDecoder:
    """Decodes the images of one display channel, in the order in which they come.

    Every image of every message has to be decoded, seen or not: later ones may refer to it.
    """

    def __init__(self, surfaces: Mapping[int, Surface]) -> None:
        self.images = ImageCache()
        self.palettes = PaletteCache()
        self._window = GlzWindow(GLZ_WINDOW_PIXELS)
        self._surfaces = surfaces

    def release(self) -> None:
        """Forget all pictures."""
        self.images.clear()
        self._window.clear()

    def decode(self, image: WireImage, target: SpiceSurfaceFmt) -> Raster:
        """Its pixels. Those of a surface are the surface's own, and change with it.

        `target` is the format of the surface that is drawn on; palettes are in its colours.
        Raises `SpiceProtocolError`.
        """
        reader = image.body
        if image.type == SpiceImageType.SURFACE:
            return self._surface(reader).raster()
        if image.type in _CACHED:
            lossless = image.type == SpiceImageType.FROM_CACHE_LOSSLESS
            return self.images.get(reader, image.identity, lossless=lossless)
        try:
            raster = self._decode(image, target)
        except ValueError as error:
            raise reader.error(f"its image of type {image.type.name}: {error}") from error
        if image.flags & SpiceImageFlags.HIGH_BITS_SET and not raster.alpha:
            raster = raster.copy(raster.bounds)
            raster.data[3::4] = b"\xff" * (raster.width * raster.height)
        self._remember(image, raster)
        return raster

    def mask(self, mask: WireMask | None, box: Rect) -> Mask | None:
        """The mask of a message whose box is given. Raises `SpiceProtocolError`."""
        if mask is None:
            return None
        image, reader = mask.image, mask.image.body
        x, y = box.left - mask.position.x, box.top - mask.position.y
        if image.type == SpiceImageType.SURFACE or image.type in _CACHED:
            placed = Placed(self.decode(image, SpiceSurfaceFmt.XRGB32), x, y)
            return RasterMask(placed, mask.inverted)
        if image.type != SpiceImageType.BITMAP:
            raise reader.error(f"a mask cannot be of type {image.type.name}")
        bitmap = read_bitmap(image)
        if bitmap.format not in _ONE_BIT:
            raise reader.error(f"a mask cannot be of format {bitmap.format.name}")
        if bitmap.stride * 8 < image.width:
            raise reader.error(f"rows of {bitmap.stride} bytes are too short for its mask")
        if image.flags & SpiceImageFlags.CACHE_ME:
            self._remember(image, _as_raster(image, bitmap))
        rows, stride, start = bitmap.data, bitmap.stride, 0
        if bitmap.format == SpiceBitmapFmt.BIT1_LE:
            rows = memoryview(bytes(rows).translate(REVERSED))
        if not bitmap.top_down:
            stride, start = -stride, (image.height - 1) * stride
        return BitMask(image.width, image.height, rows, stride, start, x, y, mask.inverted)

    def _decode(self, image: WireImage, target: SpiceSurfaceFmt) -> Raster:
        width, height, reader = image.width, image.height, image.body
        if image.type == SpiceImageType.BITMAP:
            bitmap = read_bitmap(image)
            colours = self._colours(reader, bitmap.palette, target)
            return decode_bitmap(
                bitmap.data,
                bitmap.format,
                width,
                height,
                bitmap.stride,
                top_down=bitmap.top_down,
                palette=colours,
            )
        if image.type == SpiceImageType.LZ_PLT:
            flags, size = SpiceBitmapFlags(reader.u8() & 7), reader.u32()
            colours = self._colours(reader, read_palette_reference(reader, flags), target)
            return decode_lz(reader.take(size), width, height, colours)
        if image.type == SpiceImageType.ZLIB_GLZ_RGB:
            inflated, size = reader.u32(), reader.u32()
            if inflated > width * height * _MAX_GLZ_BYTES_PER_PIXEL + 1024:
                raise ValueError(f"{inflated} bytes are too many for {width}x{height} pixels")
            glz = memoryview(inflate(reader.take(size), inflated))
            return decode_glz(glz, width, height, self._window)
        if image.type == SpiceImageType.JPEG_ALPHA:
            # In which direction its alpha runs; that has a header of its own which says so, too.
            reader.u8()
            jpeg_size, size = reader.u32(), reader.u32()
            return decode_jpeg_alpha(reader.take(size), jpeg_size, width, height)
        data = reader.take(reader.u32())
        if image.type == SpiceImageType.GLZ_RGB:
            return decode_glz(data, width, height, self._window)
        decode = _DECODERS.get(image.type)
        if decode is None:
            raise ValueError("that type has no pixels")
        return decode(data, width, height)

    def _colours(
        self, reader: Reader, reference: PaletteReference, target: SpiceSurfaceFmt
    ) -> tuple[int, ...]:
        """A palette's colours as 0xRRGGBB; none where there is no palette."""
        palette = reference.palette
        if palette is None:
            if not reference.cached:
                return ()
            palette = self.palettes.get(reader, reference.identity)
        elif reference.cache_it:
            self.palettes.put(palette)
        if target in (SpiceSurfaceFmt.RGB16_555, SpiceSurfaceFmt.RGB16_565):
            return tuple(widen_555(colour) for colour in palette.colours)
        return palette.colours

    def _remember(self, image: WireImage, raster: Raster) -> None:
        flags = image.flags
        if flags & (SpiceImageFlags.CACHE_ME | SpiceImageFlags.CACHE_REPLACE_ME):
            self.images.put(image.body, image.identity, raster, lossy=image.type in _LOSSY)

    def _surface(self, reader: Reader) -> Surface:
        number = reader.u32()
        found = self._surfaces.get(number)
        if found is None:
            raise reader.error(f"there is no surface {number}")
        return found


_DECODERS: dict[SpiceImageType, Callable[[memoryview, int, int], Raster]] = {
    SpiceImageType.QUIC: decode_quic,
    SpiceImageType.LZ_RGB: decode_lz,
    SpiceImageType.LZ4: decode_lz4,
    SpiceImageType.JPEG: decode_jpeg,
}


def _as_raster(image: WireImage, bitmap: WireBitmap) -> Raster:
    """A mask as the cache has it: white where it is painted on."""
    raster = decode_bitmap(
        bitmap.data,
        bitmap.format,
        image.width,
        image.height,
        bitmap.stride,
        top_down=bitmap.top_down,
        palette=(0, 0xFFFFFF),
    )
    raster.data[3::4] = raster.data[0::4]
    return raster
