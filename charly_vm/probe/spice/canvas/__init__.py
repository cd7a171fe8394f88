"""Drawing on surfaces, as the display channel's messages ask for it; pure.

rop           raster operations as truth tables of pattern, source and destination
sources       images, brushes and masks, as the rows that a raster operation combines
painter       combines them, row by row
planes        what needs arithmetic and not only bits: blending, and the operators of composition
scaling       images that are drawn larger or smaller than they are
sampling      images under a transformation, for composition
lines         strokes
text          glyphs
"""
