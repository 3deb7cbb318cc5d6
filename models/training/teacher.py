"""A teacher: another detector's answers, which the network learns to give beside its own.

The teacher is a YOLOX of 80 kinds of things on the same cells (strides 8, 16, 32), in ONNX Runtime.
A layer of its own on each level of the network's neck learns the teacher's score of every kind in
every cell, so that the neck learns to tell people from chairs and coats sooner than from boxes of
people alone. These layers are thrown away with the training. The network's own score learns the
teacher's score of people beside that of the labels, on the views that the teacher knows. No weight
of the teacher is used.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

import export
import model

KINDS = 80
PERSON = 1  # its place in the answers
WEIGHT = 2.0  # of what is thrown away, beside the network's own loss
WEIGHT_PEOPLE = 4.0  # of the network's own score
RARE = -4.0  # start of the scores, as logit: most cells hold nothing


class Teacher:
    """Answers of a YOLOX exported for one picture of one size, for any batch of any size."""

    def __init__(self, path):
        graph = onnx.load(path)
        shape = graph.graph.input[0].type.tensor_type.shape.dim
        for axis, name in ((0, "batch"), (2, "height"), (3, "width")):
            shape[axis].dim_param = name
        graph.graph.output[0].type.tensor_type.ClearField("shape")
        for value in graph.graph.initializer:
            numbers = numpy_helper.to_array(value)
            if numbers.tolist() == [1, 5 + KINDS, -1]:
                any_batch = np.array([0, 5 + KINDS, -1], numbers.dtype)
                value.CopyFrom(numpy_helper.from_array(any_batch, value.name))
        self.graph, self.session = graph.SerializeToString(), None

    def answers(self, pictures):
        """Of RGB pictures [batch, 3, height, width] 0 to 255: scores [batch, cells, 1 + KINDS] of
        anything, and of each kind."""
        if self.session is None:  # after the workers have split off
            self.session = export.session_of(self.graph)
        images = pictures.flip(1).float().contiguous().numpy()
        found = torch.from_numpy(self.session.run(None, {"images": images})[0])
        anything = found[..., 4:5]
        return torch.cat((anything, anything * found[..., 5:]), -1)


class Pupil(nn.Module):
    """The layers that say what the teacher would."""

    def __init__(self, size):
        super().__init__()
        neck = model.SIZES[size]["neck"]
        self.layers = nn.ModuleList(nn.Conv2d(neck, 1 + KINDS, 1) for _ in model.STRIDES)
        for layer in self.layers:
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.constant_(layer.bias, RARE)

    def loss(self, necks, logits, answers):
        """How far from the teacher's answers [batch, cells, 1 + KINDS]: these layers on the necks,
        and the logits [batch, cells] of the network's own score."""
        says = [layer(level).flatten(2) for layer, level in zip(self.layers, necks)]
        says = torch.cat(says, 2).transpose(1, 2)
        beside, own = far(says, answers), far(logits, answers[..., PERSON])
        return WEIGHT * beside + WEIGHT_PEOPLE * own


def far(logits, answers):
    """Of each score its cross entropy, weighted by the square of how wrong it is (quality focal
    loss, NeurIPS 2020)."""
    wrong = (logits.detach().sigmoid() - answers) ** 2
    each = F.binary_cross_entropy_with_logits(logits, answers, reduction="none")
    return (each * wrong).sum() / answers.sum().clamp(min=1.0)
