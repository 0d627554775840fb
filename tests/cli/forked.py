"""The program as a process of its own within a tenth of a second, forked from one that has loaded it.

`python forked.py serve SOCKET` loads it and waits; `python forked.py SOCKET WORD...` is then what `catenane
WORD...` is: its streams, closed ones too, its folder, its process group and its exit code are those of the
forked process. Signals are for the group. On Linux all of them end with the process that began the server.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from pathlib import Path

STREAMS = (0, 1, 2)
PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def serve(address: str) -> None:
    end_with_parent()
    import catenane.cli.program
    import catenane.inference
    import catenane.train

    with contextlib.suppress(SystemExit):
        catenane.cli.program.main(["--version"])
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            end_with_parent()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            break
        connection.close()
    listener.close()
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # killed with the process that asked
            connection.send(bytes([code % 256]))
        return
    end_with_parent()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background makes its children ignore it
    said, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, len(STREAMS))
    present, group, folder, *words = said.decode(errors="surrogateescape").split("\0")
    os.setpgid(0, int(group))
    os.chdir(folder)
    given = dict(zip(map(int, present), descriptors, strict=True))
    for number, name in zip(STREAMS, ("stdin", "stdout", "stderr"), strict=True):
        os.close(number)
        stream = None
        if number in given:
            os.dup2(given[number], number)
            os.close(given[number])
            stream = open(number, "w" if number else "r", encoding="utf-8")  # noqa: PTH123, SIM115
        setattr(sys, name, stream)
    connection.close()
    sys.argv = ["catenane", *words]
    catenane.cli.program.main()


def ask(address: str, words: list[str]) -> int:
    for kind in (signal.SIGINT, signal.SIGTERM):  # the forked process says what it made of them
        signal.signal(kind, signal.SIG_IGN)
    present = []
    for number in STREAMS:
        with contextlib.suppress(OSError):
            os.fstat(number)
            present.append(number)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    said = "\0".join(["".join(map(str, present)), str(os.getpgrp()), str(Path.cwd()), *words])
    socket.send_fds(connection, [said.encode(errors="surrogateescape")], present)
    return connection.recv(1)[0]


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
