"""Tasks run in order, and one that fails does not end the worker."""

import threading

from claude_session_status.desktop.task_runner import Worker


def test_tasks_run_in_order_in_another_thread() -> None:
    done: list[object] = []
    worker = Worker("test")
    worker.submit(lambda: done.append(threading.current_thread().name))
    worker.submit(lambda: done.append(1 // 0))
    worker.submit(lambda: done.append(2))
    worker.stop(5)
    assert done == ["test", 2]


def test_a_worker_without_tasks_can_be_stopped() -> None:
    Worker("test").stop(0)
