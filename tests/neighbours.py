"""Other people's plugins that are installed to show that ours works beside them.

Where that is not the question they stay out: one of them shuffles, another runs failures again.
"""

from __future__ import annotations

PLUGINS = ("randomly", "rerunfailures", "pytest_cov", "allure_pytest")

WITHOUT = tuple(word for name in PLUGINS for word in ("-p", f"no:{name}"))
"""Words for pytest's command line."""
