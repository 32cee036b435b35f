"""The Linux tray: a StatusNotifierItem and its menu, straight on D-Bus."""
