"""The mean of the weights that two or more runs ended with, the later gone on from the earlier.

    python3 models/training/mean.py --out mean.pt run1/last.pt run2/last.pt

Such a mean is better than either of its parts when a training's last steps wander about what they
have in common (stochastic weight averaging, UAI 2018). What is written can be exported. It can be
gone on with too, as models/lintel/lintel.pt is: it holds weights alone, so the optimiser begins
afresh. The last of the parts is better to go on from: it has everything.
"""

import argparse

import torch

import checkpoint


def mean_of(states):
    """A checkpoint of the mean weights; all else is the last one's."""
    weights = [state["average"] for state in states]
    mean = {
        name: sum(part[name].float() for part in weights) / len(weights)
        if value.is_floating_point() else value
        for name, value in weights[-1].items()
    }
    last = states[-1]
    return {name: last[name] for name in ("size", "step", "seconds")} | {"average": mean}


def opened(paths):
    """The checkpoints, all of one size of network."""
    states = [checkpoint.read(path) for path in paths]
    for path, state in zip(paths, states):
        if state["size"] != states[0]["size"]:
            raise SystemExit(f"{path} is of a {state['size']} network, {paths[0]} of a "
                             f"{states[0]['size']} one: they have no mean")
    return states


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("checkpoints", nargs="+")
    options = parser.parse_args()
    torch.save(mean_of(opened(options.checkpoints)), options.out)


if __name__ == "__main__":
    main()
