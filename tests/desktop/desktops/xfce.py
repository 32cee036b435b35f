"""XFCE: xfce4-panel, with settings, since without them it begins with a question."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from desktop.harness import NOTIFICATIONS, WATCHER, Desktop, Program, why_not

NOTIFYD = f"/usr/lib/{platform.machine()}-linux-gnu/xfce4/notifyd/xfce4-notifyd"


class Xfce(Desktop):
    """XFCE's panel on openbox."""

    name = "xfce"
    current_desktop = "XFCE"
    notification_click_acts = False  # xfce4-notifyd 0.7 only closes it
    programs = ("openbox", "xfce4-panel", NOTIFYD)

    def write_settings(self) -> None:
        channels = self.config / "xfce4/xfconf/xfce-perchannel-xml"
        channels.mkdir(parents=True)
        (channels / "xfce4-panel.xml").write_text(_panel_settings(dark=self.dark, pixels=self.panel_pixels))

    def start_session(self) -> None:
        self.start_openbox()

    def start_panel(self) -> Program:
        panel = self.start_of_panel(["xfce4-panel", "--disable-wm-check"])
        self.wait_owner(WATCHER.name)
        return panel

    def start_notifier(self) -> None:
        self.start([NOTIFYD])
        self.wait_owner(NOTIFICATIONS)


@contextmanager
def xfce_with_panel(root: Path) -> Iterator[Desktop]:
    """A screen with XFCE's panel, with its files in `root`. Skips the test where a program is missing."""
    if reason := why_not(Xfce):
        pytest.skip(reason)
    with Xfce(root) as desktop:
        desktop.start_panel()
        yield desktop


def _panel_settings(*, dark: bool, pixels: int) -> str:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{str(dark).lower()}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="{pixels}"/>
      <property name="icon-size" type="uint" value="0"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
    </property>
    <property name="plugin-3" type="string" value="clock">
      <property name="digital-layout" type="uint" value="3"/>
      <property name="digital-time-format" type="string" value="%H:%M"/>
    </property>
  </property>
</channel>
"""
