"""A screen with a tray (trayer), a mouse, and access to the pixels."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from PIL import Image
from Xlib import X
from Xlib.display import Display

from waiting import PATIENCE

SIZE = (900, 600)
TRAY = (200, 28)
BACKGROUND = (20, 20)  # no menu reaches it

Colour = tuple[int, int, int]


class Screen:
    """The screen. Enter it to start the X server and the tray; leaving ends both."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = ""
        self._programs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        reading, writing = os.pipe()
        size = "x".join(map(str, SIZE))
        try:
            argv = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
            self._start(argv, {"PATH": os.environ["PATH"]}, pass_fds=(writing,))
            os.close(writing)
            with open(reading, closefd=False) as stream:
                self.name = f":{stream.readline().strip()}"
        finally:
            os.close(reading)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "DISPLAY": self.name}
        self._start(["openbox"], self.env)
        # At the bottom right, as on Windows: menus open to the left and above, and leave part of the icon visible.
        edge = ["trayer", "--edge", "bottom", "--align", "right", "--widthtype", "pixel", "--width", str(TRAY[0])]
        look = ["--height", str(TRAY[1]), "--transparent", "true", "--alpha", "0", "--tint", "0x202428"]
        self._start([*edge, *look], self.env)
        return self

    def __exit__(self, *_: object) -> None:
        for program in reversed(self._programs):
            program.send_signal(signal.SIGTERM)
            try:
                program.wait(5)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
        self._programs.clear()

    def _start(self, argv: list[str], env: Mapping[str, str], pass_fds: tuple[int, ...] = ()) -> None:
        with (self.root / f"{argv[0]}.log").open("wb") as log:
            quiet = subprocess.DEVNULL
            program = subprocess.Popen(argv, env=dict(env), stdin=quiet, stdout=log, stderr=log, pass_fds=pass_fds)
        self._programs.append(program)

    def shot(self, path: Path | None = None) -> Image.Image:
        """The pixels of the whole screen; also saved where a path is given."""
        display = Display(self.name)
        with contextlib.closing(display):
            raw = display.screen().root.get_image(0, 0, *SIZE, X.ZPixmap, 0xFFFFFFFF)
        image = Image.frombytes("RGB", SIZE, raw.data, "raw", "BGRX")
        if path is not None:
            image.save(path)
        return image

    def find(self, colour: Colour, tolerance: int = 24) -> tuple[int, int] | None:
        """The middle of the pixels of about this colour in the tray; None when fewer than 12 are."""
        left, top = SIZE[0] - TRAY[0], SIZE[1] - TRAY[1]
        data = self.shot().crop((left, top, *SIZE)).tobytes()
        hits = [
            (left + i // 3 % TRAY[0], top + i // 3 // TRAY[0])
            for i in range(0, len(data), 3)
            if all(abs(data[i + c] - colour[c]) <= tolerance for c in range(3))
        ]
        if len(hits) < 12:
            return None
        return sum(x for x, _ in hits) // len(hits), sum(y for _, y in hits) // len(hits)

    def click(self, place: tuple[int, int], button: int = 1) -> None:
        x, y = map(str, place)
        # Slowly: a menu that has just opened ignores clicks.
        argv = ["xdotool", "mousemove", x, y, "sleep", "0.1", "click", str(button)]
        subprocess.run(argv, env=self.env, check=True, timeout=PATIENCE)

    def point(self, place: tuple[int, int]) -> None:
        subprocess.run(["xdotool", "mousemove", *map(str, place)], env=self.env, check=True, timeout=PATIENCE)
