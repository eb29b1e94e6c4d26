"""Ctrl-C that ends a program in one way wherever it comes."""

import _thread
import contextlib
import gc
import signal
import threading
import time
from collections.abc import Iterator
from types import CodeType, FrameType

RETRY_SECONDS = 0.05
MOST_SECONDS = 60.0


class Interrupts:
    """Notes a Ctrl-C and raises KeyboardInterrupt where that is safe.

    Not inside an import: TensorFlow's and JAX's C++ ends the process when an
    exception comes through. Not inside a callback of the garbage collector or
    a `__del__`: Python prints it and goes on. There it comes a moment later.
    """

    def __init__(self) -> None:
        self.first: float | None = None
        self._retry: threading.Timer | None = None

    @property
    def seen(self) -> bool:
        """Whether there was one."""
        return self.first is not None

    def check(self) -> None:
        """Raises what was noted and got lost."""
        if self.seen:
            raise KeyboardInterrupt

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handles the signal."""
        now = time.monotonic()
        if self.first is None:
            self.first = now
        if _is_safe(frame) or now - self.first > MOST_SECONDS:
            raise KeyboardInterrupt
        if self._retry is None or self._retry.finished.is_set():
            again = threading.Timer(RETRY_SECONDS, _signal_again)
            again.daemon = True
            again.start()
            self._retry = again

    def end(self) -> None:
        """Takes back a signal that is to come."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry.join()


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handles Ctrl-C in its body; does nothing but in the main thread.

    Example:

    >>> with interrupts() as interrupted:
    ...     interrupted.seen
    False
    """
    noted = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.signal(signal.SIGINT, noted.handle)
    try:
        yield noted
    finally:
        noted.end()
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Ignores Ctrl-C for the moment that cleaning up takes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _signal_again() -> None:
    if hasattr(signal, "pthread_kill"):  # wakes a main thread that waits
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _is_safe(frame: FrameType | None) -> bool:
    collecting: list[CodeType | None] = [
        getattr(callback, "__code__", None) for callback in gc.callbacks
    ]
    while frame is not None:
        code = frame.f_code
        if (
            code.co_filename.startswith("<frozen importlib")
            or code.co_name == "__del__"
            or code in collecting
        ):
            return False
        frame = frame.f_back
    return True
