"""Neural networks from the checked weights, each loaded once for each worker; one thread, memory given back."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import onnxruntime

from vermilion.engines.weights import weights_path


@lru_cache
def onnx_network(name: str, changed: Callable[[bytes], bytes] = bytes) -> onnxruntime.InferenceSession:
    """The network in the weights file `name`, changed if need be; raises `EngineUnavailable` when it is not there."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # An arena keeps what the largest picture once needed.
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        changed(weights_path(name).read_bytes()),
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )
