"""Linear algebra on one thread."""

from contextlib import AbstractContextManager


def one_thread() -> AbstractContextManager[object]:
    """Return a context in which NumPy and SciPy compute on one thread.

    Systems of some hundred equations gain nothing from more, and on a busy machine threads that
    wait for each other take twelve times as long.
    """
    import scipy.linalg  # its library can only be limited once it is there  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)
