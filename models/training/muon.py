"""The optimiser: Muon for the convolutions, AdamW for everything else.

Muon (Jordan et al., 2024, kellerjordan.github.io/posts/muon) makes every singular value of a
weight's step about equal, so that rare directions are learnt as fast as common ones. Its step is
scaled to the size of AdamW's ("Muon is scalable", arXiv 2502.16982), so both share one rate.
"""

import torch

MOMENTUM = 0.95
LIKE_ADAMW = 0.4  # root mean square of a step, in learning rates; AdamW's is 0.2 to 0.4
SMALLEST = 16  # rows and columns from which a weight counts as a matrix
# Coefficients of the iteration that brings singular values near 1 (from the same page).
QUINTIC = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def is_matrix(weight):
    """Whether Muon takes it: not the first layer, the last ones, or one filter a channel."""
    if weight.ndim != 4 or weight.shape[1] <= 3:
        return False
    return min(weight.shape[0], weight[0].numel()) >= SMALLEST


def orthogonal(step):
    """About U V of the singular value decomposition U S V of a matrix."""
    a, b, c = QUINTIC
    tall = step.shape[0] > step.shape[1]
    x = step.T if tall else step
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """For weights of convolutions, as matrices of one row an output channel."""

    def __init__(self, weights, rate, decay):
        super().__init__(weights, dict(lr=rate, weight_decay=decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            rate, decay = group["lr"], group["weight_decay"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                momentum = self.state[weight].setdefault(
                    "momentum", torch.zeros_like(weight)
                )
                momentum.lerp_(weight.grad, 1 - MOMENTUM)
                step = weight.grad.lerp(momentum, MOMENTUM)
                rows = step.reshape(len(step), -1)
                scale = LIKE_ADAMW * max(rows.shape) ** 0.5
                weight.mul_(1 - rate * decay)
                weight.sub_(orthogonal(rows).view_as(step), alpha=rate * scale)


class Optimiser:
    """Both at once, with the face of one."""

    def __init__(self, weights, last, rate, decay):
        """`last`: more weights, all of last layers, which Muon does not take."""
        matrices = [w for w in weights if is_matrix(w)]
        others = [w for w in weights if not is_matrix(w)] + last
        heavy = [w for w in others if w.ndim > 1]
        light = [w for w in others if w.ndim <= 1]
        groups = [dict(params=heavy, weight_decay=decay), dict(params=light, weight_decay=0.0)]
        self.parts = {
            "muon": Muon(matrices, rate, decay),
            "adamw": torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True),
        }

    @property
    def param_groups(self):
        return [group for part in self.parts.values() for group in part.param_groups]

    def zero_grad(self):
        for part in self.parts.values():
            part.zero_grad(set_to_none=True)

    def step(self):
        for part in self.parts.values():
            part.step()

    def state_dict(self):
        return {name: shrunk(part.state_dict()) for name, part in self.parts.items()}

    def load_state_dict(self, state):
        """Takes over what was gathered, of weights that both have: the network's come first in
        each group, those beside a teacher last. The others begin with nothing, as in a new run.
        Rates and decays are this run's."""
        for name, part in self.parts.items():
            own, saved = part.state_dict()["param_groups"], state[name]["param_groups"]
            known = grown(state[name])["state"]
            pairs = [pair for ours, theirs in zip(own, saved)
                     for pair in zip(ours["params"], theirs["params"])]
            slots = {mine: known[its] for mine, its in pairs if its in known}
            part.load_state_dict({"state": slots, "param_groups": own})


def shrunk(state):
    """An optimiser's state with its large tensors in bfloat16: half the file."""
    slots = {
        i: {k: v.bfloat16() if v.ndim else v for k, v in slot.items()}
        for i, slot in state["state"].items()
    }
    return {"state": slots, "param_groups": state["param_groups"]}


def grown(state):
    """Undoes `shrunk`."""
    slots = {
        i: {k: v.float() if v.ndim else v for k, v in slot.items()}
        for i, slot in state["state"].items()
    }
    return {"state": slots, "param_groups": state["param_groups"]}
