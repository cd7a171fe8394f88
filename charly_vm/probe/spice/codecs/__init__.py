"""The encodings of images; pure. Each takes bytes and gives a raster, or raises `ValueError`.

bitmap        not compressed at all: 1 to 32 bits per pixel, with and without palettes
lz            LZ_RGB and LZ_PLT: copies of earlier pixels of the same image
glz           GLZ_RGB and ZLIB_GLZ_RGB: copies out of other images, too
lz4           LZ4
jpeg          JPEG, and JPEG_ALPHA with an alpha channel beside it
quic          QUIC: prediction, and codes that adapt to how well it works
quic_model    its codes and its statistics

Whoever calls one has compared the dimensions with the limits.
"""
