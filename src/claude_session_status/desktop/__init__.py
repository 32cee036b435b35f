"""All that a person sees outside a terminal: icon, tray, notification."""
