"""The settings that the menu shows and changes, in the user's config.toml."""

from claude_session_status import config, config_file, menu_items, view


class SettingsFile:
    """The settings in the file at `path`. Not for two threads at once."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = config.ConfigFile(path)

    def read(self) -> view.Settings:
        """The settings now. One look at the file where it has not changed. Raises nothing."""
        self._file.reread()
        settings = self._file.loaded.config
        return view.Settings(
            notify_before_seconds=settings.notify_before_seconds,
            min_tokens=settings.min_tokens,
            sound=settings.sound,
            notify_when_waiting=settings.notify_when_waiting,
        )

    def change(self, key: str, value: menu_items.SettingValue) -> None:
        """Set a key. Raises SessionStatusError: nothing was changed then."""
        config_file.change(self.path, key, value)

    def make(self) -> str:
        """Make the file where there is none, and return its path. Raises SessionStatusError."""
        config_file.make(self.path)
        return self.path
