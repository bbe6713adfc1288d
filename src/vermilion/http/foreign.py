"""What faces that speak another service's contract share: their ways in, and every refusal in that service's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
from starlette.routing import BaseRoute, Match, Route

from vermilion.errors import InternalError, InvalidRequest, MethodNotAllowed, NotFound, VermilionError
from vermilion.http.asgi import Answer, Receive, Scope, Send, send_answer
from vermilion.http.auth import Doorkeeper, FindSecret, presented_secret
from vermilion.http.edge import BROKEN
from vermilion.http.endpoints import Endpoint, Operation
from vermilion.http.problems import problem_headers
from vermilion.logs import get_logger
from vermilion.services.gateway import Gateway

Refuse = Callable[[VermilionError, Scope], Answer]
log = get_logger("http")


class AnyQuery(msgspec.Struct, frozen=True):
    """A query of which nothing is wanted; foreign clients send what they like."""


@dataclass(frozen=True, slots=True)
class Face:
    """A foreign contract: its operations, and how it says no.

    Below `prefixes` (`/account/`) also paths that do not exist are answered in its words.
    Where it shares a path with the native face, `speaks` says which requests are meant for it.
    """

    name: str
    operations: tuple[Operation, ...]
    refuse: Refuse
    prefixes: tuple[str, ...] = ()
    find_secret: FindSecret = presented_secret
    speaks: Callable[[Scope], bool] | None = None


def face_routes(faces: Iterable[Face], gateway: Gateway, doorkeeper: Doorkeeper) -> list[BaseRoute]:
    """The routes of all faces; what they do not know comes last, so that faces can share a beginning."""
    faces = tuple(faces)
    known = [
        route for face in faces for route in _routes(face, gateway, doorkeeper.looking(face.find_secret))
    ]
    unknown = [
        Route(prefix + "{rest:path}", _InItsWords(face, {})) for face in faces for prefix in face.prefixes
    ]
    return [*known, *unknown]


def refusal_headers(error: VermilionError) -> list[tuple[bytes, bytes]]:
    """The headers of a refusal whose body is plain JSON."""
    return problem_headers(error, b"application/json")


def spoken(error: VermilionError, names: Mapping[str, str] | None = None) -> str:
    """An error in one line: every wrong field with what to do about it. `names` renames pointers."""
    if not isinstance(error, InvalidRequest) or not error.problems:
        return error.detail
    return "; ".join(
        f"{(names or {}).get(problem.pointer) or _dotted(problem.pointer)}: {problem.detail}"
        for problem in error.problems
    )


def _dotted(pointer: str) -> str:
    """`/input/prompt` as `input.prompt`."""
    return pointer.strip("?/").replace("/", ".").replace("~1", "/").replace("~0", "~") or "body"


def _routes(face: Face, gateway: Gateway, doorkeeper: Doorkeeper) -> list[BaseRoute]:
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in face.operations:
        endpoint = Endpoint(operation, gateway, doorkeeper)
        by_path.setdefault(operation.path, {})[operation.method] = endpoint
    return [_FaceRoute(path, _InItsWords(face, methods), face.speaks) for path, methods in by_path.items()]


class _FaceRoute(Route):
    """A path of a face, for the requests that are meant for it."""

    def __init__(self, path: str, app: _InItsWords, speaks: Callable[[Scope], bool] | None) -> None:
        super().__init__(path, app)
        self._speaks = speaks

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Not at all where somebody else is meant."""
        if self._speaks is not None and scope["type"] == "http" and not self._speaks(scope):
            return Match.NONE, {}
        return super().matches(scope)


class _InItsWords:
    """The endpoints of one path; whatever they raise is answered as the face says no."""

    def __init__(self, face: Face, endpoints: Mapping[str, Endpoint]) -> None:
        self._face, self._endpoints = face, endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._endpoint(scope)(scope, receive, send)
        except VermilionError as refusal:
            await send_answer(send, self._face.refuse(refusal, scope))
        except Exception:
            log.exception(BROKEN, face=self._face.name, path=scope["path"], method=scope["method"])
            await send_answer(send, self._face.refuse(InternalError(), scope))

    def _endpoint(self, scope: Scope) -> Endpoint:
        if not self._endpoints:
            raise NotFound("There is nothing at this path.")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in self._endpoints:
            raise MethodNotAllowed(allow=", ".join(sorted(self._endpoints)))
        return self._endpoints[method]
