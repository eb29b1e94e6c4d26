"""Handling of Ctrl-C, so that it ends a program in the same way anywhere."""

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
    """Records Ctrl-C and raises `KeyboardInterrupt` once that is safe.

    It is not safe inside an import, because the C++ code of TensorFlow and
    JAX ends the process if an exception passes through it. It is not safe
    inside a callback of the garbage collector or a `__del__`, because Python
    prints the exception there and continues. In these places the exception is
    raised a moment later.

    Attributes:
        first: float or None. Time of the first Ctrl-C, in seconds on the
            monotonic clock.
    """

    def __init__(self) -> None:
        self.first: float | None = None
        self._retry: threading.Timer | None = None

    @property
    def seen(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self.first is not None

    def check(self) -> None:
        """Raises `KeyboardInterrupt` if Ctrl-C was pressed.

        An earlier exception may have been swallowed on its way.

        Raises:
            KeyboardInterrupt: If `seen`.
        """
        if self.seen:
            raise KeyboardInterrupt

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Handles the signal; it has the signature of a signal handler.

        Args:
            number: int. Number of the signal.
            frame: The current stack frame, or None.

        Raises:
            KeyboardInterrupt: If that is safe now, or if the first Ctrl-C was
                more than 60 seconds ago.
        """
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
        """Cancels a repeated signal that is still to come."""
        if self._retry is not None:
            self._retry.cancel()
            self._retry.join()


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Handles Ctrl-C while the body runs, in the main thread only.

    In any other thread it does nothing.

    Yields:
        The `Interrupts` that handles the signal.

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
    """Ignores Ctrl-C while the body runs, for a short clean-up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _signal_again() -> None:
    """Sends the signal to the main thread once more."""
    if hasattr(signal, "pthread_kill"):  # it wakes a waiting main thread
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()


def _is_safe(frame: FrameType | None) -> bool:
    """Returns whether an exception may be raised in this stack frame."""
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
