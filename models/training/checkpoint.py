"""Checkpoints as train.py, mean.py and export.py write them: read, or refused in one line."""

import torch

NEEDED = ("size", "step", "seconds", "average")


def read(path, device="cpu"):
    """What a checkpoint holds; ends the program when the file is none."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except OSError as error:
        raise SystemExit(f"{path}: {error.strerror or error}: say a checkpoint of train.py")
    except Exception:  # a file of something else brings up whatever it likes
        raise SystemExit(f"{path}: is no checkpoint of train.py, or is broken") from None
    missing = [name for name in NEEDED if not isinstance(state, dict) or name not in state]
    if missing:
        raise SystemExit(f"{path}: is no checkpoint of train.py: it has no \"{missing[0]}\"")
    return state


def floats(weights):
    """Weights in 32 bits; what counts stays as it is."""
    return {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
