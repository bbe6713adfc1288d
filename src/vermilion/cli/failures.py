"""What can go wrong at the terminal: each failure is one clear line, the command that fixes it, and an exit code.

CommandFailed             1  refused, or it did not work
├── Refused               1  the gateway said no; `problem` is its problem document
├── WrongUsage            2  the command was given something that cannot be right
└── Unreachable           3  no gateway answers at the address
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, ClassVar

from vermilion.domain.money import dollars

INTERRUPTED = 130


class CommandFailed(Exception):
    """The command did not do what it was asked for."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        self.message = message
        self.fix = fix
        super().__init__(message)

    def lines(self) -> list[str]:
        """What to tell: the message, what is wrong in detail, the fix."""
        return [self.message, *([f"→ {self.fix}"] if self.fix else [])]


class WrongUsage(CommandFailed):
    """The command was given something that cannot be right."""

    exit_code = 2


class Unreachable(CommandFailed):
    """No gateway answers at the address."""

    exit_code = 3

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"No gateway answers at {url} ({reason}).",
            fix=f"start one: {program()} serve — or name another: --url, VERMILION_URL",
        )


class Refused(CommandFailed):
    """The gateway said no."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", "unknown"))
        detail = _priced(problem) or str(
            problem.get("detail") or problem.get("title") or f"HTTP status {status}"
        )
        super().__init__(detail, fix=_fix(self.code, problem))

    def lines(self) -> list[str]:
        """The message, every wrong field, the fix."""
        fields = [f"  {item['pointer']}  {item['detail']}" for item in self.problem.get("problems", ())]
        return [self.message, *fields, *([f"→ {self.fix}"] if self.fix else [])]


def program() -> str:
    """How this command line was called, so that a suggested command can be typed as it is shown."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py" or not called.name.startswith("vermilion"):
        return "python -m vermilion"
    found = shutil.which("vermilion")
    if found and Path(found).resolve() == called.resolve():
        return "vermilion"
    relative = os.path.relpath(called)
    return str(called) if relative.startswith("..") else relative


def _priced(problem: dict[str, Any]) -> str | None:
    """What a task would have cost, where only money was missing."""
    needed = (problem.get("facts") or {}).get("needed")
    if problem.get("code") != "insufficient_funds" or not isinstance(needed, int):
        return None
    return f"The wallet does not cover the price of this task, {dollars(needed)}; nothing was held."


def _fix(code: str, problem: dict[str, Any]) -> str | None:
    fixes = {
        "unauthenticated": f"give a valid key: --key or VERMILION_API_KEY; {program()} doctor says which one is used",
        "account_disabled": f"an operator can enable it: {program()} account enable ACCOUNT",
        "forbidden": f"use a key that may: {program()} key create NAME --scope SCOPE, or an operator's key",
        "insufficient_funds": f"an operator can add money: {program()} grant ACCOUNT --usd 5",
        "spend_cap_reached": f"use another key, or make one with a higher cap: {program()} key create NAME",
        "rate_limited": "wait a little, then run it again",
        "unavailable": "wait a little, then run it again",
        "internal_error": f"tell the operator this request id: {problem.get('request_id')}",
    }
    return fixes.get(code)
