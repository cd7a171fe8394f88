"""All files of a project: the first, what it imports and discovers, the host's own, ours.

Loading never goes to a network: a reference to a repository stays one until what is behind it is
used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from charly_vm.errors import Problem, SpecError
from charly_vm.model.directives import Directives, Import, read_directives, read_imports
from charly_vm.model.discovery import FILE_NAME, discover_files, is_file
from charly_vm.model.document import Document, read_document
from charly_vm.model.readers.findings import Findings


@dataclass(frozen=True, slots=True)
class Unfetched:
    """An import of a repository, of which nothing is here."""

    reference: str
    namespace: str
    """What names from it begin with: empty, or ends with a dot."""
    file: str
    line: int


@dataclass
class Source:
    """One file in one namespace."""

    findings: Findings
    namespace: str
    directives: Directives
    below: set[Path] = field(default_factory=set)
    """The files that it has brought in, which it therefore may hide from."""
    is_host: bool = False
    is_shipped: bool = False

    @property
    def path(self) -> Path:
        return self.findings.document.file


class Gatherer:
    """Reads files once each, and remembers in which order they take precedence."""

    def __init__(self) -> None:
        self.in_order: list[Source] = []
        """As a person reads them: a file, then what it brings in."""
        self.by_precedence: list[Source] = []
        """The last one wins."""
        self.unfetched: list[Unfetched] = []
        self.problems: list[Problem] = []
        self.files: list[str] = []
        """In the order in which they were read, also those that could not be."""
        self._documents: dict[Path, Document | None] = {}
        self._done: set[tuple[str, Path]] = set()

    def gather(self, file: Path, *, is_host: bool = False) -> None:
        """Read a file and all that it brings in, with precedence over all that came before."""
        self._gather(file, "", (), is_host)

    def add_shipped(self, document: Document) -> None:
        """Take what ships with charly, which everything else has precedence over."""
        findings = Findings(document)
        source = Source(findings, "", read_directives(findings), is_shipped=True)
        self.in_order.append(source)
        self.by_precedence.insert(0, source)

    def _gather(
        self, file: Path, namespace: str, chain: tuple[Path, ...], is_host: bool
    ) -> set[Path]:
        path = file.resolve()
        if (namespace, path) in self._done:
            return {file}
        self._done.add((namespace, path))
        document = self._read(file, path)
        if document is None:
            return {file}
        findings = Findings(document)
        source = Source(findings, namespace, read_directives(findings), is_host=is_host)
        self.in_order.append(source)
        chain = (*chain, path)
        for entry in read_imports(source.directives.imports, findings):
            source.below |= self._import(entry, source, chain)
        for found in self._discover(source):
            if found.resolve() not in chain:
                source.below |= self._gather(found, namespace, chain, is_host)
        self.by_precedence.append(source)
        return {file, *source.below}

    def _read(self, file: Path, path: Path) -> Document | None:
        if path not in self._documents:
            self._documents[path] = None
            self.files.append(str(file))
            try:
                self._documents[path] = read_document(file)
            except SpecError as error:
                self.problems += error.problems
        return self._documents[path]

    def _import(self, entry: Import, source: Source, chain: tuple[Path, ...]) -> set[Path]:
        findings = source.findings
        namespace = source.namespace + (f"{entry.alias}." if entry.alias else "")
        if entry.is_remote:
            line = findings.document.line(entry.at)
            self.unfetched.append(Unfetched(entry.reference, namespace, findings.file, line))
            return set()
        target = source.path.parent / Path(entry.reference).expanduser()
        if target.is_dir():
            target = target / FILE_NAME
        if not is_file(target):
            findings.complain(entry.at, f"import: there is no file {target}")
            return set()
        if target.resolve() in chain:
            ring = [*chain[chain.index(target.resolve()) :], target.resolve()]
            names = " -> ".join(one.name if one.name != FILE_NAME else str(one) for one in ring)
            findings.complain(entry.at, f"import: goes in a circle: {names}")
            return set()
        return self._gather(target, namespace, chain, source.is_host)

    def _discover(self, source: Source) -> Iterator[Path]:
        for entry in source.directives.discover:
            folder = source.path.parent / Path(entry.path).expanduser()
            yield from discover_files(folder, recursive=entry.recursive)
