"""Tasks are done in order, and one that fails does not end the worker."""

import threading

from claude_session_status.desktop.worker import Worker


def test_tasks_are_done_in_order_in_another_thread() -> None:
    done: list[object] = []
    worker = Worker("test")
    worker.submit(lambda: done.append(threading.current_thread().name))
    worker.submit(lambda: done.append(1 // 0))
    worker.submit(lambda: done.append(2))
    worker.stop(5)
    assert done == ["test", 2]


def test_a_worker_that_never_worked_can_be_stopped() -> None:
    Worker("test").stop(0)
