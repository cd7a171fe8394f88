"""Which steps a choice of some brings along. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from charly_vm.check.variables import names_in
from charly_vm.model.step import Step


def select_steps(steps: Sequence[Step], verbs: Collection[str]) -> list[Step]:
    """Those with one of the verbs, all where none is named, and what they need; in file order."""
    wanted = [step for step in steps if not verbs or (step.verb and step.verb.name in verbs)]
    return with_needed(steps, wanted)


def with_needed(steps: Sequence[Step], wanted: Iterable[Step]) -> list[Step]:
    """The wanted steps with all that they need, in file order.

    A step needs those that it depends on, the one that captured a variable which it uses, and the
    `run:` steps that stand before it: they have brought the guest into the state that it looks at.
    """
    places = {step.id: place for place, step in enumerate(steps)}
    chosen: set[int] = set()
    open_places = [steps.index(step) for step in wanted]
    while open_places:
        place = open_places.pop()
        if place in chosen:
            continue
        chosen.add(place)
        before = [at for at in range(place) if steps[at].intent == "run"]
        named = [places[name] for name in steps[place].modifiers.depends_on if name in places]
        verb = steps[place].verb
        used = names_in(verb) if verb else ()
        capturing = [at for at in range(place) if steps[at].modifiers.capture in used]
        open_places += [*before, *named, *capturing]
    return [steps[place] for place in sorted(chosen)]
