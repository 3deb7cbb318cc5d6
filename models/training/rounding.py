"""Rounds the weights of convolutions to few bits so that what they put out changes least.

Rounding each weight to the nearest step of its channel loses more than it must: here the weights
are rounded one after another, and those still to come make up for the error so far, as far as what
the convolution sees allows (GPTQ, ICLR 2023; optimal brain surgeon, NIPS 1992).
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F

STEPS = 64  # on each side of nothing: 7 bits, as ONNX Runtime's `reduce_range` has them
DAMP = 0.01  # of the mean of the diagonal, added to it: directions that nothing was seen of


@torch.no_grad()
def rounded(network, layers, batches):
    """A copy of `network` in which the weights of `layers` (names of convolutions) are multiples of
    a 64th of the largest of their output channel. `batches`: pictures [batch, 3, height, width]."""
    network = copy.deepcopy(network)
    chosen = {name: network.get_submodule(name) for name in layers}
    seen = {name: 0.0 for name in layers}

    def watch(name, layer):
        def add(_, inputs):
            seen[name] = seen[name] + products(layer, inputs[0])
        return layer.register_forward_pre_hook(add)

    hooks = [watch(name, layer) for name, layer in chosen.items()]
    for batch in batches:
        network(torch.from_numpy(batch))
    for hook in hooks:
        hook.remove()
    for name, layer in chosen.items():
        layer.weight.copy_(on_steps(layer.weight, seen[name]))
    return network


def products(layer, x):
    """Sums over all places of the products of what each two weights of a channel are multiplied
    with: [groups, weights, weights]."""
    patches = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    batch, _, places = patches.shape
    patches = patches.view(batch, layer.groups, -1, places).permute(1, 2, 0, 3).flatten(2)
    return torch.bmm(patches, patches.transpose(1, 2)).double()


def on_steps(weight, seen):
    """The weights [out, in, height, width], each a multiple of its channel's step."""
    groups, width, _ = seen.shape
    rows = weight.double().view(groups, -1, width).clone()
    step = rows.abs().amax(-1, keepdim=True).clamp(min=1e-12) / STEPS
    largest = rows.abs().argmax(-1, keepdim=True)
    top = rows.gather(-1, largest)
    damp = DAMP * seen.diagonal(dim1=1, dim2=2).mean(1).clamp(min=1e-6)
    seen = seen + damp[:, None, None] * torch.eye(width, dtype=seen.dtype)
    undo = torch.linalg.cholesky(torch.linalg.inv(seen), upper=True)
    for i in range(width):
        fine = rows[:, :, i]
        coarse = (fine / step[..., 0]).round().clamp(-STEPS, STEPS) * step[..., 0]
        error = (fine - coarse) / undo[:, i, i, None]
        rows[:, :, i] = coarse
        rows[:, :, i + 1 :] -= error[..., None] * undo[:, None, i, i + 1 :]
    # The largest weight says what a step is: it stays.
    rows.scatter_(-1, largest, top)
    return rows.view_as(weight).float()


def convolutions(network, kept):
    """Names of all convolutions but those that `kept` says stay as they are."""
    return [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and not kept(name)
    ]
