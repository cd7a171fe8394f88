"""What a step produces besides its output: taken, kept with the evidence, and judged by the rules
that it has to satisfy."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from charly_vm.check.call import Call
from charly_vm.check.guest_view import text
from charly_vm.check.matchers import Mismatch
from charly_vm.check.result import not_run
from charly_vm.host.files import explain_os_errors
from charly_vm.model.step import Modifiers
from charly_vm.model.verbs import CommandVerb, LibvirtVerb, SpiceVerb


def take_artifact(path: str, call: Call) -> list[Mismatch]:
    """Take and keep a step's artifact, and say what it lacks: a file of the guest, or what a probe
    has seen."""
    if isinstance(call.step.verb, LibvirtVerb | SpiceVerb):
        if not call.pictures:
            raise call.impossible("artifact: this method takes no picture")
        keep_pictures(path, call)
        content = next(iter(call.pictures.values()))
        return judge_artifact(path, content, call.step.modifiers)
    if isinstance(call.step.verb, CommandVerb) and (
        call.step.verb.from_host or call.step.verb.in_container is False
    ):
        why = "artifact is a file of the guest, and the command runs on this host"
        raise not_run(call.step, why)
    result = call.look(f"cat -- {shlex.quote(path)}", as_root=True)
    if result.status != 0:
        return [Mismatch(f"artifact {path}", "readable", text(result.stderr))]
    _keep(PurePosixPath(path).name, result.stdout, call)
    return judge_artifact(path, result.stdout, call.step.modifiers)


def keep_pictures(artifact: str, call: Call) -> None:
    """Keep what a probe has seen. The first picture has the name of the artifact, where the step
    names one."""
    named = PurePosixPath(artifact).name
    for number, (what, content) in enumerate(call.pictures.items()):
        name = f"{what}.png"
        if named and number == 0:
            name = named
        elif name == named:
            name = f"{what}-picture.png"
        _keep(name, content, call)


def _keep(name: str, content: bytes, call: Call) -> None:
    directory = call.view.surroundings.artifacts
    if directory is None:
        return
    kept = directory / call.step.id / name
    with explain_os_errors(f"write {kept}"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(content)


def judge_artifact(name: str, content: bytes, rules: Modifiers) -> list[Mismatch]:
    """What an artifact lacks of what `artifact_min_bytes`, `artifact_min_dimensions` and
    `artifact_not_uniform` ask for. The last two want a picture in a common format."""
    return list(_judge(name, content, rules))


def _judge(name: str, content: bytes, rules: Modifiers) -> Iterator[Mismatch]:
    if rules.artifact_min_bytes is not None and len(content) < rules.artifact_min_bytes:
        yield Mismatch(f"size of {name}", f"at least {rules.artifact_min_bytes}", str(len(content)))
    if rules.artifact_min_dimensions is None and not rules.artifact_not_uniform:
        return
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            size = picture.size
            # None where there are more than it was asked for.
            colours = picture.convert("RGBA").getcolors(maxcolors=2)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Of a broken PNG pillow raises SyntaxError.
        yield Mismatch(name, "a picture", str(error))
        return
    if rules.artifact_min_dimensions is not None:
        width, height = map(int, rules.artifact_min_dimensions.split("x"))
        if size[0] < width or size[1] < height:
            found = f"{size[0]}x{size[1]}"
            yield Mismatch(f"dimensions of {name}", f"at least {width}x{height}", found)
    if rules.artifact_not_uniform and colours and len(colours) == 1:
        yield Mismatch(name, "more than one colour", f"nothing but {colours[0][1]}")
