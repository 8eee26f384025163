"""Keeps two processes from writing one file."""

from __future__ import annotations

import os
import sys
from io import FileIO

__all__ = ["lock_file"]

_FAR_BEHIND_THE_TEXT = 1 << 40


def lock_file(file: FileIO) -> bool:
    """Lock an open file for this process until it is closed, however the process ends.

    Returns:
        Whether it could be locked; ``False`` when another process holds it.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            # There locked bytes cannot be read, so one is locked that holds no text.
            file.seek(_FAR_BEHIND_THE_TEXT)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            file.seek(0, os.SEEK_END)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
