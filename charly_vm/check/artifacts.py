"""What a step produces besides its output, and the rules that it has to satisfy."""

from __future__ import annotations

import io
from collections.abc import Iterator

from charly_vm.check.matchers import Mismatch
from charly_vm.model.step import Modifiers


def judge_artifact(name: str, content: bytes, rules: Modifiers) -> list[Mismatch]:
    """What an artifact lacks of what `artifact_min_bytes`, `artifact_min_dimensions` and
    `artifact_not_uniform` ask for. The last two want a picture in a common format."""
    return list(_judge(name, content, rules))


def _judge(name: str, content: bytes, rules: Modifiers) -> Iterator[Mismatch]:
    if rules.artifact_min_bytes is not None and len(content) < rules.artifact_min_bytes:
        yield Mismatch(f"size of {name}", f"at least {rules.artifact_min_bytes}", str(len(content)))
    if rules.artifact_min_dimensions is None and not rules.artifact_not_uniform:
        return
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as picture:
            size = picture.size
            # None where there are more than it was asked for.
            colours = picture.convert("RGBA").getcolors(maxcolors=2)
    except (UnidentifiedImageError, OSError) as error:
        yield Mismatch(name, "a picture", str(error))
        return
    if rules.artifact_min_dimensions is not None:
        width, height = map(int, rules.artifact_min_dimensions.split("x"))
        if size[0] < width or size[1] < height:
            found = f"{size[0]}x{size[1]}"
            yield Mismatch(f"dimensions of {name}", f"at least {width}x{height}", found)
    if rules.artifact_not_uniform and colours and len(colours) == 1:
        yield Mismatch(name, "more than one colour", f"nothing but {colours[0][1]}")
