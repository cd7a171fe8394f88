"""What is on a screen, from a picture of it: text by OCR, and how it differs from another.

looking  what a probe that sees the screen can do with it
text     reading a picture's text, and waiting for one
compare  two pictures, with a tolerance and a picture of the difference
"""
