"""Writes a trained network as ONNX: float32, and int8 calibrated on training pictures.

    python3 models/training/export.py --weights best.pt --data pack.bin --out DIR [--name lintel]

Both files take any batch and any size whose sides are multiples of 32; the output is described
at `Exported` in model.py. The int8 file is QDQ with unsigned activations and one scale a channel
of weights, which `rounding.py` rounds. The first convolution stays in float (three channels: an
int8 one takes three times as long, measured), and so do the last ones, whose distances need more
than 256 steps.

PyTorch and ONNX Runtime must agree on what was written, else this fails: in float32 every score and
distance nearly exactly; in int8 all 13 numbers on a few of the pictures it was calibrated on must
go with PyTorch's (`INT8_ALIKE`). How good the int8 file is, `evaluate.py` says.
"""

import argparse
import os
import pathlib
import re
import tempfile

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

import checkpoint
import model
import pictures
import rounding

OPSET = 17
# Percentage of an activation's values that its 256 steps reach over: the rarest, which a few
# pictures have, would make all steps coarser. Errors of scores are 0.0058 with it (root mean square
# over 160 training pictures), 0.0064 with all values, 0.0094 with 99.99.
REACHED = 99.999
RANGES_OF = 3  # of so many pictures one says how far activations reach; all say how to round
# Largest difference allowed between PyTorch and ONNX Runtime: of scores, and of distances in px.
SCORE_TOLERANCE = 2e-3
PLACE_TOLERANCE = 0.1
# Least correlation of an int8 file's numbers with PyTorch's, of each channel over all cells of
# JUDGED pictures. Of models/lintel it is 0.998, of the tiny one of smoke.py 0.999; without the
# weights of one layer of a head 0.98 at most.
INT8_ALIKE = 0.99
JUDGED = 8


def session(path, threads=1):
    """An ONNX Runtime session on the CPU, of a file."""
    return session_of(str(path), threads)


def session_of(graph, threads=1):
    """An ONNX Runtime session on the CPU, of a path or of a graph's bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def write_float(exported, path):
    """Writes a network as float32 to `path`."""
    with torch.no_grad():
        torch.onnx.export(
            exported,
            torch.zeros(1, 3, 256, 416),
            str(path),
            input_names=["images"],
            output_names=["people"],
            dynamic_axes={
                "images": {0: "batch", 2: "height", 3: "width"},
                "people": {0: "batch", 1: "cells"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
    graph = onnx.load(str(path))
    graph.producer_name = "tailgate"
    graph.producer_version = ""
    onnx.checker.check_model(graph)
    onnx.save(graph, str(path))


class Calibration(CalibrationDataReader):
    """Hands the quantiser one batch after another."""

    def __init__(self, batches):
        self.batches = iter(batches)

    def get_next(self):
        batch = next(self.batches, None)
        return None if batch is None else {"images": batch}


def is_float(name):
    """Whether a layer stays as it is, by its name in PyTorch or the graph: the first convolution,
    and the last ones."""
    parts = re.split("[./]", name)
    return "stem" in parts or any(part.endswith("_out") for part in parts)


def kept_in_float(graph):
    """The nodes that stay as they are: those layers, and all that is no part of one."""
    inner = ("Conv", "Relu", "Add", "MaxPool", "Resize")
    kept = []
    for node in graph.node:
        pooled = node.op_type == "Concat" and node.name.startswith("/at32")
        if is_float(node.name) or not (node.op_type in inner or pooled):
            kept.append(node.name)
    return kept


def write_int8(exported, path, batches):
    """Quantises a network to `path`: rounded by and calibrated on `batches`."""
    layers = rounding.convolutions(exported, is_float)
    with tempfile.TemporaryDirectory() as folder:
        source, ready = (os.path.join(folder, name) for name in ("float.onnx", "ready.onnx"))
        write_float(rounding.rounded(exported, layers, batches), source)
        quant_pre_process(source, ready, skip_symbolic_shape=True)
        quantize_static(
            ready,
            str(path),
            Calibration(batches[::RANGES_OF]),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Seven bits a weight: processors without VNNI add pairs of products in 16 bits, which
            # eight would overflow.
            reduce_range=True,
            calibrate_method=CalibrationMethod.Percentile,
            nodes_to_exclude=kept_in_float(onnx.load(ready).graph),
            extra_options={"CalibPercentile": REACHED},
        )


def answers(exported, opened, batch):
    """What PyTorch says, and what a session says."""
    with torch.no_grad():
        ours = exported(torch.from_numpy(batch)).numpy()
    theirs = opened.run(None, {"images": batch})[0]
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return ours, theirs


def agree(exported, path, batch):
    """Largest difference of scores, and of distances in px, over all cells."""
    ours, theirs = answers(exported, session(path), batch)
    return (
        float(np.abs(ours[..., 0] - theirs[..., 0]).max()),
        float(np.abs(ours[..., 1:] - theirs[..., 1:]).max()),
    )


def alike(exported, path, batches):
    """Least correlation of one of a file's channels with PyTorch's, over all cells of a few of
    `batches`; nan when the file says the same everywhere."""
    opened = session(path)
    few = batches[:: -(-len(batches) // JUDGED)]
    pairs = [answers(exported, opened, batch) for batch in few]
    ours, theirs = (np.concatenate([pair[side][0] for pair in pairs]).T for side in (0, 1))
    with np.errstate(all="ignore"):
        return float(np.min([np.corrcoef(a, b)[0, 1] for a, b in zip(ours, theirs)]))


def judge_float(exported, path):
    """Fails where the float file says something else than PyTorch."""
    for shape in ((2, 256, 416), (1, 384, 640)):
        batch = np.random.default_rng(5).uniform(0, 255, (shape[0], 3, *shape[1:]))
        score, place = agree(exported, path, batch.astype(np.float32))
        print(f"{shape}: differs by {score:.6f} in scores, {place:.4f} px in places")
        if not (score <= SCORE_TOLERANCE and place <= PLACE_TOLERANCE):
            raise SystemExit(f"{path}: PyTorch and ONNX Runtime do not agree")


def judge_int8(exported, path, batches):
    """Fails where the int8 file's answers do not go with PyTorch's."""
    score, place = agree(exported, path, batches[0])
    same = alike(exported, path, batches)
    print(f"int8 differs from float by {score:.3f} in scores, {place:.1f} px in places; "
          f"all 13 numbers correlate by {same:.4f} or more")
    if not same >= INT8_ALIKE:  # nan too
        raise SystemExit(f"{path}: a channel correlates with PyTorch's by {same:.4f}, less than "
                         f"{INT8_ALIKE}: it is not what was trained")


def calibrating(paths, count):
    """`count` training pictures of all sources, as the network takes them."""
    records = [r for r in pictures.open_all(paths) if r.split == "train"]
    if not records:
        raise SystemExit(f"{', '.join(paths)}: no picture with split \"train\" to calibrate on")
    return [
        pictures.letterbox(record.pixels(), 416, 256)[0].transpose(2, 0, 1)[None].astype(np.float32)
        for record in pictures.spread(records, count)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", required=True, help="a checkpoint of train.py")
    parser.add_argument("--data", required=True, nargs="+", help="packs or rendered folders")
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--name", default="lintel")
    parser.add_argument("--pictures", type=int, default=160, help="to calibrate on")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    batches = calibrating(options.data, options.pictures)
    network = load(options.weights)
    keep(options.weights, options.out / f"{options.name}.pt")
    float_file = options.out / f"{options.name}.onnx"
    exported = model.Exported(network.cpu().float()).eval()
    write_float(exported, float_file)
    judge_float(exported, float_file)
    int8_file = options.out / f"{options.name}_int8.onnx"
    write_int8(exported, int8_file, batches)
    judge_int8(exported, int8_file, batches)
    for file in (float_file, int8_file):
        print(f"{file}: {file.stat().st_size / 2**20:.2f} MiB")


def keep(path, to):
    """The averaged weights in half the digits: what a later training goes on from."""
    state = checkpoint.read(path)
    kept = {k: state[k] for k in ("size", "step", "seconds")}
    kept["average"] = {
        k: v.half() if v.is_floating_point() else v for k, v in state["average"].items()
    }
    torch.save(kept, to)


def load(path):
    """The averaged weights of a checkpoint, as a network ready to use."""
    state = checkpoint.read(path)
    network = model.Lintel(state["size"])
    network.load_state_dict(checkpoint.floats(state["average"]), strict=True)
    return network.eval()


if __name__ == "__main__":
    main()
