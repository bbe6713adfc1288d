"""Neural networks from the checked weights, each loaded once for each worker; one thread, memory given back."""

from __future__ import annotations

from functools import lru_cache

import onnxruntime

from vermilion.engines.weights import weights_path


@lru_cache
def onnx_network(name: str) -> onnxruntime.InferenceSession:
    """The network in the weights file `name`; raises `EngineUnavailable` when it is not installed."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # An arena keeps what the largest picture once needed.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        _of_any_size(weights_path(name).read_bytes()),
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )


def _of_any_size(network: bytes) -> bytes:
    """The network for pictures of any size, where its file was written for ten of 32 pixels (CenterFace's was)."""
    return network.replace(_fixed(10, 3, 32, 32), _fixed(None, 3, None, None), 1)


def _fixed(*sides: int | None) -> bytes:
    """The sides of an input as ONNX writes them (`TensorShapeProto.Dimension`); None is any number."""
    return b"".join(bytes((10, 2, 18, 0) if side is None else (10, 2, 8, side)) for side in sides)
