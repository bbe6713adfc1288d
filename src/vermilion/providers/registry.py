"""Adapters by provider id; an adapter's code is imported when it is first needed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vermilion.providers.manifest import Manifest, read_manifest
from vermilion.providers.protocol import Adapter, AdapterContext


@dataclass(frozen=True, slots=True)
class Provider:
    """A running adapter and what its manifest promises."""

    manifest: Manifest
    adapter: Adapter


class Registry:
    """The providers that this node runs."""

    def __init__(
        self, ids: Iterable[str], context: AdapterContext, options: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.manifests = {id_: read_manifest(id_) for id_ in ids}
        self._context = context
        self._options = options
        self._running: dict[str, Provider] = {}

    def get(self, provider_id: str) -> Provider:
        """The provider, imported and built on first use. Raises LookupError for one that this node does not run."""
        if provider_id not in self._running:
            self._running[provider_id] = Provider(self._manifest(provider_id), self._build(provider_id))
        return self._running[provider_id]

    async def close(self) -> None:
        """Close every adapter that was built."""
        for provider in self._running.values():
            await provider.adapter.close()

    def _manifest(self, provider_id: str) -> Manifest:
        try:
            return self.manifests[provider_id]
        except KeyError:
            raise LookupError(
                f"no provider {provider_id!r} here; there are: {', '.join(self.manifests)}"
            ) from None

    def _build(self, provider_id: str) -> Adapter:
        module = importlib.import_module(f"vermilion.providers.{provider_id}.adapter")
        context = AdapterContext(
            self._context.wake, self._context.data_dir, self._options.get(provider_id, self._context.options)
        )
        adapter: Adapter = module.build(context)
        return adapter
