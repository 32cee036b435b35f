"""A thread that does one thing after another, for whatever must not hold up a menu, a panel or the monitor."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

log = logging.getLogger(__name__)

Task = Callable[[], None]


class TaskRunner(Protocol):
    """Whoever takes tasks."""

    def submit(self, task: Task) -> None:
        """Have the task done, now or soon. Returns at once."""

    def stop(self, timeout: float) -> None:
        """Do no more than what was submitted, and wait for that up to `timeout` seconds."""


class Worker:
    """Does tasks in the order in which they came, in a thread that begins with the first and never delays an exit."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, task: Task) -> None:
        """Have the task done soon. What it raises is logged."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
        self._tasks.put(task)

    def stop(self, timeout: float) -> None:
        """Do no more than what was submitted, and wait for that up to `timeout` seconds."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._tasks.put(None)
            thread.join(timeout)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task()
            except Exception:
                log.exception("%s: a task failed", self._name)
