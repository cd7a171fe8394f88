"""In the helper's place: serves orders on the host of files that `CHARLY_FAKE_HOST` names."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

PLACE = "CHARLY_FAKE_HOST"


def main() -> int:
    here = Path(__file__).resolve()
    sys.path[:0] = [str(here.parents[1]), str(here.parent)]
    from fake_host import FakeHost

    from charly_vm.gpu import helper
    from charly_vm.gpu.executor import Executor

    host = FakeHost.at(Path(os.environ[PLACE]))
    served = partial(Executor, perform=host.perform)
    setattr(helper, "Executor", served)  # noqa: B010
    return helper.serve(sys.argv[1], sys.stdin.read(), host.root)


if __name__ == "__main__":
    sys.exit(main())
