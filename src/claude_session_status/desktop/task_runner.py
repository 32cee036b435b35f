"""Runs tasks that may take long in a thread of its own, in order, so that no menu, panel or monitor waits for them."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

log = logging.getLogger(__name__)

Task = Callable[[], None]


class TaskRunner(Protocol):
    """Runs tasks."""

    def submit(self, task: Task) -> None:
        """Run the task, now or soon. Returns at once."""

    def stop(self, timeout: float) -> None:
        """Run only what was submitted so far, and wait for that up to `timeout` seconds."""


class Worker:
    """Runs tasks in the order of their submission, in a daemon thread that starts with the first task."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, task: Task) -> None:
        """Run the task soon. Exceptions are logged."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()
        self._tasks.put(task)

    def stop(self, timeout: float) -> None:
        """Run only what was submitted so far, and wait for that up to `timeout` seconds."""
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
