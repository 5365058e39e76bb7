"""A password for somebody, typed at the terminal or piped in."""

import getpass
import sys


def typed_password(username: str, piped: bool) -> str:
    """The password as typed twice, or the first line of the standard input. Raises ValueError with
    what to do."""
    if piped:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise ValueError("There is no terminal to ask for the password; use --password-stdin.")
    password = getpass.getpass(f"Password for {username}: ")
    if getpass.getpass("The same again: ") != password:
        raise ValueError("The two passwords differ; nothing was made. Please try again.")
    return password
