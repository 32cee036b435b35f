"""All desktops of the tests, and the ones that this run uses."""

from collections.abc import Mapping

from desktop.desktops.cinnamon import Cinnamon
from desktop.desktops.gnome import Gnome
from desktop.desktops.kde import Kde
from desktop.desktops.lxqt import Lxqt
from desktop.desktops.mate import Mate
from desktop.desktops.waybar import Waybar
from desktop.desktops.xfce import Xfce
from desktop.harness import Desktop

EVERY: Mapping[str, type[Desktop]] = {kind.name: kind for kind in (Xfce, Lxqt, Gnome, Waybar, Mate, Kde, Cinnamon)}


def chosen(environ: Mapping[str, str]) -> list[type[Desktop]]:
    """The desktops named in DESKTOPS, such as `xfce,lxqt`; all of them when it is unset or `all`."""
    names = environ.get("DESKTOPS", "all")
    if names == "all":
        return list(EVERY.values())
    return [EVERY[name.strip()] for name in names.split(",") if name.strip()]
