"""Stage ``flow``: forward and backward flow of one shard, at the working size, in an archive.

Flow is estimated at the frames' own resolution and then resized: estimators are poor on small
frames (DIS: EPE 0.61 px at 96², 0.37 px at 256×448). The archive appears when the shard is done,
so that a run that was cut off redoes only the shards it had begun.
"""

from flowmend.datasets.resize import resize_flow
from flowmend.estimators import clips_of
from flowmend.estimators.registry import PAIR_BY_PAIR, estimator
from flowmend.io.flow_archive import FlowArchiveWriter
from flowmend.io.layout_zip import open_layout
from flowmend.io.progress import tracked
from flowmend.params import FlowParams, Params
from flowmend.stages.flow_fields import flow_fields
from flowmend.stages.layout import Layout


def run(params: Params, scale: str, split: str, shard: int) -> None:
    """Write ``artifacts/<scale>/<split>/flow/<shard>.zip``.

    Raises:
        InputError: a frame, true flow or a network's weights are missing or damaged, or flow is
            not finite.
    """
    data, flow, layout = params.at(scale).data, params.at(scale).flow, Layout(scale)
    attributes: dict[str, str] = {"estimator": flow.estimator}
    if flow.estimator not in PAIR_BY_PAIR:
        attributes |= _settle_network(flow)
    estimate = estimator(flow.estimator, flow.checkpoint, flow.device, flow.precision, flow.batch)
    source = layout.sequences(split, shard)
    archive = FlowArchiveWriter(
        layout.flow(split, shard), flow.codec, flow.max_error_px, attributes
    )
    with open_layout(source) as frames, archive:
        clips = clips_of(frames, source)
        for clip in tracked(clips, f"{split} {shard}: flow"):
            for key, field in flow_fields(clip, data.frames, estimate):
                archive.add(key, resize_flow(field, data.height_px, data.width_px))


def _settle_network(flow: FlowParams) -> dict[str, str]:
    """Make a network's flow repeatable; what the archive says of it."""
    import torch

    from flowmend.io.weights import read_record, weights_path

    # Shards run side by side, and the number of threads changes a network's flow.
    torch.set_num_threads(1)
    record = read_record(weights_path(flow.estimator, flow.checkpoint)) or {}
    weights = str(record.get("safetensors_sha256"))
    return {"precision": flow.precision, "weights_sha256": weights}
