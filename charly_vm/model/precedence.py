"""Which of two nodes of one name counts."""

from __future__ import annotations

from collections.abc import Iterable

from charly_vm.model.imports import Source
from charly_vm.model.readers.subtree import Subtree


def hide(declared: Iterable[tuple[Source, list[Subtree]]]) -> None:
    """Mark what a later source hides. The last one wins.

    A file is expected to hide what it has brought in, and the host's file what a project says; of
    two files that know nothing of each other, there is a warning.
    """
    winners: dict[tuple[str, str], tuple[Source, Subtree]] = {}
    for source, subtrees in declared:
        for subtree in subtrees:
            key = (subtree.category, subtree.name)
            if key in winners:
                earlier_source, earlier = winners[key]
                earlier.hidden_by = f"{subtree.file}:{subtree.line}"
                if not _is_expected(source, earlier_source):
                    where = f"{earlier.file}:{earlier.line}"
                    text = f"{subtree.name}: hides the one of the same name in {where}"
                    subtree.findings.warn_in_line(subtree.line, text)
            winners[key] = (source, subtree)


def _is_expected(source: Source, earlier: Source) -> bool:
    return source.is_host or earlier.is_shipped or earlier.path in source.below
