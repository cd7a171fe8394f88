"""What a server relies on us to remember: images and palettes.

The server counts what our cache holds and says what to forget; so a cache that would grow beyond
what we announced is the server's fault, and one that lacks an image is, too.
"""

from __future__ import annotations

from charly_vm.probe.spice.images import Palette
from charly_vm.probe.spice.limits import MAX_PALETTES, PIXMAP_CACHE_PIXELS
from charly_vm.probe.spice.raster import Raster
from charly_vm.probe.spice.reader import Reader


class ImageCache:
    """Images by their identity, and which of them were not exact (JPEG)."""

    def __init__(self) -> None:
        self._images: dict[int, tuple[Raster, bool]] = {}
        self._pixels = 0

    def put(self, reader: Reader, identity: int, raster: Raster, *, lossy: bool) -> None:
        self.forget(identity)
        pixels = raster.width * raster.height
        if self._pixels + pixels > PIXMAP_CACHE_PIXELS:
            raise reader.error(
                f"with its image our cache would hold more than {PIXMAP_CACHE_PIXELS} pixels"
            )
        self._images[identity] = raster, lossy
        self._pixels += pixels

    def get(self, reader: Reader, identity: int, *, lossless: bool) -> Raster:
        found = self._images.get(identity)
        if found is None or (lossless and found[1]):
            raise reader.error(f"its image {identity:#x} should be in our cache and is not")
        return found[0]

    def forget(self, identity: int) -> None:
        found = self._images.pop(identity, None)
        if found is not None:
            self._pixels -= found[0].width * found[0].height

    def clear(self) -> None:
        self._images.clear()
        self._pixels = 0


class PaletteCache:
    """Palettes by their identity; a server uses a cache of `MAX_PALETTES` at the most."""

    def __init__(self) -> None:
        self._palettes: dict[int, Palette] = {}

    def put(self, palette: Palette) -> None:
        self._palettes.pop(palette.identity, None)
        while len(self._palettes) >= MAX_PALETTES:
            del self._palettes[next(iter(self._palettes))]
        self._palettes[palette.identity] = palette

    def get(self, reader: Reader, identity: int) -> Palette:
        found = self._palettes.get(identity)
        if found is None:
            raise reader.error(f"its palette {identity:#x} should be in our cache and is not")
        return found

    def forget(self, identity: int) -> None:
        self._palettes.pop(identity, None)

    def clear(self) -> None:
        self._palettes.clear()
