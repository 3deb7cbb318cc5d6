"""The mean of the weights that two or more runs ended with, the later gone on from the earlier.

    python3 models/training/mean.py --out mean.pt run1/last.pt run2/last.pt

Such a mean is better than either of its parts when a training's last steps wander about what they
have in common (stochastic weight averaging, UAI 2018). What is written can be exported, not gone
on with: go on from the last of the parts.
"""

import argparse

import torch


def mean_of(states):
    """A checkpoint of the mean weights; all else is the last one's."""
    weights = [state["average"] for state in states]
    mean = {
        name: sum(part[name].float() for part in weights) / len(weights)
        if value.is_floating_point() else value
        for name, value in weights[-1].items()
    }
    last = states[-1]
    return {name: last[name] for name in ("size", "step", "seconds", "best")} | {"average": mean}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("checkpoints", nargs="+")
    options = parser.parse_args()
    states = [torch.load(path, map_location="cpu", weights_only=True)
              for path in options.checkpoints]
    torch.save(mean_of(states), options.out)


if __name__ == "__main__":
    main()
