"""The one place where pystray is imported.

pystray picks a backend while it is imported: without an X display that raises Xlib's own error rather than ImportError,
and with GObject's bindings around it loads an AppIndicator whose open menu closes at every refresh. So it is imported
with its dummy backend, which works everywhere, and each platform then names its real base class.

Nothing in `desktop` imports this at its own import, except the modules that define a subclass.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

BACKEND_VARIABLE = "PYSTRAY_BACKEND"


@contextmanager
def _dummy_backend() -> Iterator[None]:
    """Select pystray's dummy backend, and restore the environment afterwards: terminals that are opened inherit it."""
    before = os.environ.get(BACKEND_VARIABLE)
    os.environ[BACKEND_VARIABLE] = "dummy"
    try:
        yield
    finally:
        if before is None:
            del os.environ[BACKEND_VARIABLE]
        else:
            os.environ[BACKEND_VARIABLE] = before


with _dummy_backend(), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # six, under pystray, warns about Python's own changes
    from pystray import Menu, MenuItem

__all__ = ["Menu", "MenuItem"]
