"""Size, error and speed of every way to store flow, on real DIS flow at its native size.

Run ``python benchmarks/flow_archive.py --davis DAVIS_ROOT``; the table lands in
docs/benchmarks/flow_archive.csv (16 fields of four sequences, one thread, times are medians) and,
for archives of many 64×64 fields of the synthetic set, in docs/benchmarks/flow_archive_64.csv.
Fixed-step ways promise 1/128 px.
"""

import argparse
import csv
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import imagecodecs
import numpy as np

from flowmend.datasets.moving_shapes import render
from flowmend.estimators.dis import estimate
from flowmend.io.codecs import CODECS, step_px
from flowmend.io.flo import decode_flo, encode_flo
from flowmend.io.flow_archive import FlowArchive, FlowArchiveWriter
from flowmend.io.images import read_image
from flowmend.io.kitti import encode_kitti
from flowmend.io.progress import tracked

PROJECT = Path(__file__).parents[1]
TABLES = PROJECT / "docs" / "benchmarks"
DAVIS_ROOTS = (PROJECT / "data/raw/davis", PROJECT.parent / "shared/data/davis")
BOUND_PX = 1 / 128
STEP_PX = step_px(BOUND_PX)
PAIRS_PER_SEQUENCE = 4
REPEATS = 5
SMALL_FIELD_CLIPS = 40
REFERENCE = "npz_float32"


class Way(NamedTuple):
    """One way to store flow (2, H, W): to bytes and back."""

    encode: Callable[[np.ndarray], object]
    decode: Callable[[object], np.ndarray]
    size: Callable[[object], int] = len


def _own(name: str) -> Way:
    codec = CODECS[name](STEP_PX)
    return Way(codec.encode, lambda stored: codec.decode(*stored), lambda stored: len(stored[0]))


def _npz(dtype: type) -> Way:
    def encode(flow: np.ndarray) -> bytes:
        stream = io.BytesIO()
        np.savez_compressed(stream, flow=flow.astype(dtype))
        return stream.getvalue()

    return Way(encode, lambda data: np.load(io.BytesIO(data))["flow"].astype(np.float32))


def _image_of_levels(encode: Callable, decode: Callable) -> Way:
    """Fixed-step levels as one 16-bit grey image, x above y, zero in the middle."""

    def to_image(flow: np.ndarray) -> bytes:
        levels = np.rint(flow / STEP_PX).reshape(-1, flow.shape[2]) + 2**15
        return bytes(encode(levels.astype(np.uint16)))

    def to_flow(data: bytes) -> np.ndarray:
        levels = decode(data).astype(np.float32) - np.float32(2**15)
        return (levels * np.float32(STEP_PX)).reshape(2, -1, levels.shape[1])

    return Way(to_image, to_flow)


def _decode_kitti(data: bytes) -> np.ndarray:
    levels = imagecodecs.png_decode(data)[..., :2].transpose(2, 0, 1).astype(np.float32)
    return (levels - np.float32(2**15)) * np.float32(STEP_PX)


WAYS = {
    "flo": Way(encode_flo, partial(decode_flo, where="flo")),
    "npz_float32": _npz(np.float32),
    "npz_float16": _npz(np.float16),
    "kitti_png16": Way(partial(encode_kitti, where="kitti"), _decode_kitti),
    "png16": _image_of_levels(
        lambda image: cv2.imencode(".png", image)[1].tobytes(),
        lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED),
    ),
    "jpeg2000": _image_of_levels(
        partial(imagecodecs.jpeg2k_encode, level=0, reversible=True, numthreads=1),
        partial(imagecodecs.jpeg2k_decode, numthreads=1),
    ),
    "jpegls": _image_of_levels(imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
    "report": _own("report"),
    "fast": _own("fast"),
    "small": _own("small"),
}


def davis_flows(root: Path) -> list[np.ndarray]:
    """DIS flow of pairs spread over every sequence."""
    flows = []
    for sequence in sorted((root / "JPEGImages" / "480p").iterdir()):
        frames = sorted(sequence.glob("*.jpg"))
        for part in range(PAIRS_PER_SEQUENCE):
            first = (2 * part + 1) * len(frames) // (2 * PAIRS_PER_SEQUENCE)
            flows.append(estimate(*map(read_image, frames[first : first + 2])))
    return flows


def timed(work: Callable[[], object], repeats: int) -> tuple[object, float]:
    """What it returns and the least ms it took."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return result, 1e3 * min(times)


def compare(flows: list[np.ndarray]) -> list[dict[str, str]]:
    """One row a way."""
    shares, errors, encode, decode = ({name: [] for name in WAYS} for _ in range(4))
    for flow in tracked(flows, "Storing flow"):
        for name, way in WAYS.items():
            stored, encode_ms = timed(partial(way.encode, flow), 1)
            decoded, decode_ms = timed(partial(way.decode, stored), REPEATS)
            shares[name].append(100 * way.size(stored) / len(encode_flo(flow)))
            errors[name].append(np.abs(decoded - flow).max())
            encode[name].append(encode_ms)
            decode[name].append(decode_ms)
    return [
        {
            "codec": name,
            "share_percent": f"{statistics.mean(shares[name]):.2f}",
            "worst_share_percent": f"{max(shares[name]):.2f}",
            "max_error_px": f"{max(errors[name]):.2g}",
            "encode_ms": f"{statistics.median(encode[name]):.1f}",
            "decode_ms": f"{statistics.median(decode[name]):.1f}",
            f"decode_to_{REFERENCE}": f"{_ratio(decode[name], decode[REFERENCE]):.2f}",
        }
        for name in WAYS
    ]


def _ratio(times: list[float], reference: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(times, reference, strict=True))


def small_fields() -> list[dict[str, str]]:
    """Whole archives of 64×64 fields: what a field costs with its manifest entry and checksum."""
    clips = [render(seed) for seed in range(SMALL_FIELD_CLIPS)]
    flows = np.concatenate([clip.forward for clip in clips])
    rows = []
    for name in tracked(list(CODECS), "Archives of small fields"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.zip"
            _, write_ms = timed(partial(_write_archive, path, name, flows), 1)
            archive = FlowArchive(path)
            _, read_ms = timed(partial(archive.read_many, archive.keys()), REPEATS)
            share = path.stat().st_size / len(flows) / len(encode_flo(flows[0]))
        rows.append(
            {
                "codec": name,
                "fields": str(len(flows)),
                "share_percent": f"{100 * share:.2f}",
                "max_error_px": f"{archive.manifest['max_error_px']:.2g}",
                "write_ms_per_field": f"{write_ms / len(flows):.2f}",
                "read_ms_per_field": f"{read_ms / len(flows):.2f}",
            }
        )
    return rows


def _write_archive(path: Path, codec: str, flows: np.ndarray) -> None:
    with FlowArchiveWriter(path, codec, BOUND_PX) as writer:
        for number, flow in enumerate(flows):
            writer.add(f"clip/forward/{number}", flow)


def write_table(name: str, rows: list[dict[str, str]]) -> None:
    """Print a table and write it."""
    print("".join(f"{cell:>24}" for cell in rows[0]))
    for row in rows:
        print("".join(f"{cell:>24}" for cell in row.values()))
    TABLES.mkdir(parents=True, exist_ok=True)
    with (TABLES / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Measure both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found = next((root for root in DAVIS_ROOTS if root.is_dir()), None)
    parser.add_argument("--davis", type=Path, default=found, help="a tree in the DAVIS layout")
    root = parser.parse_args().davis
    cv2.setNumThreads(1)
    write_table("flow_archive_64.csv", small_fields())
    if root is None:
        print("SKIPPED: flow_archive.csv needs real frames; give --davis DAVIS_ROOT")
        return
    write_table("flow_archive.csv", compare(davis_flows(root)))


if __name__ == "__main__":
    main()
