"""The network: plain convolutions and ReLU, anchor-free, one class, five answers a cell.

Made for int8 on small processors: no sigmoid or division inside, nothing but Conv, Relu, Add,
Concat, MaxPool and nearest Resize until the last layer. Works on any input whose sides are
multiples of 32.

Every cell of the three levels (strides 8, 16, 32) gives 13 numbers, see `OUTPUTS`. The exported
graph's output is described at `Exported`.
"""

import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

STRIDES = (8, 16, 32)

# What the 13 channels of a cell are, in the order of the exported tensor, all but the score in
# pixels of the network's input:
#  0      score, 0 to 1
#  1-4    visible box: left, top, right, bottom edge
#  5-8    full-body box, as if nothing hid it: left, top, right, bottom edge; may leave the picture
#  9-10   foot: x, y of the floor point below the body's middle; may be hidden or outside
#  11-12  head: x, y of the head's centre; may be hidden or outside
OUTPUTS = 13
# Left and top are learnt as distances away from the cell's centre.
SIGNS = (-1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)

SIZES = {
    # channels at stride 2, 4, 8, 16, 32; blocks at stride 4, 8, 16, 32; channels of neck and head
    "tiny": dict(channels=(16, 16, 32, 48, 64), blocks=(0, 1, 1, 1), neck=32),
    "small": dict(channels=(16, 32, 48, 96, 160), blocks=(0, 1, 2, 1), neck=48),
    "medium": dict(channels=(16, 32, 64, 128, 192), blocks=(0, 2, 3, 2), neck=64),
}


class Conv(nn.Sequential):
    """Convolution, batch normalisation, and ReLU unless told otherwise."""

    def __init__(self, inside, outside, kernel=3, stride=1, groups=1, relu=True):
        layers = [
            nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outside, momentum=0.03, eps=1e-3),
        ]
        if relu:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Block(nn.Module):
    """A bottleneck to half the channels with a shortcut around it."""

    def __init__(self, channels):
        super().__init__()
        self.narrow = Conv(channels, channels // 2, 1)
        self.wide = Conv(channels // 2, channels, 3, relu=False)

    def forward(self, x):
        return F.relu(x + self.wide(self.narrow(x)))


class Pool(nn.Module):
    """Sees far: maxima over 5, 9 and 13 cells beside the cell itself."""

    def __init__(self, channels):
        super().__init__()
        hidden = channels // 2
        self.narrow = Conv(channels, hidden, 1)
        self.wide = Conv(hidden * 4, channels, 1)

    def forward(self, x):
        x = self.narrow(x)
        a = F.max_pool2d(x, 5, 1, 2)
        b = F.max_pool2d(a, 5, 1, 2)
        c = F.max_pool2d(b, 5, 1, 2)
        return self.wide(torch.cat((x, a, b, c), 1))


class Head(nn.Module):
    """Two branches over one level: how likely a person is here, and where their parts are."""

    def __init__(self, channels):
        super().__init__()
        self.score = nn.Sequential(
            Conv(channels, channels, 3, groups=channels, relu=False), Conv(channels, channels, 1)
        )
        self.place = nn.Sequential(
            Conv(channels, channels, 3, groups=channels, relu=False), Conv(channels, channels, 1)
        )
        self.score_out = nn.Conv2d(channels, 1, 1)
        self.place_out = nn.Conv2d(channels, OUTPUTS - 1, 1)

    def forward(self, x):
        score, place = self.score(x), self.place(x)
        # Distances need more digits than half precision has.
        with torch.autocast(x.device.type, enabled=False):
            return torch.cat((self.score_out(score.float()), self.place_out(place.float())), 1)


class Lintel(nn.Module):
    """The whole network: pictures [batch, 3, height, width] as RGB 0 to 255 in,
    raw numbers [batch, cells, 13] out: score logit, then distances in units of the stride."""

    def __init__(self, size="medium"):
        super().__init__()
        shape = SIZES[size]
        c2, c4, c8, c16, c32 = shape["channels"]
        b4, b8, b16, b32 = shape["blocks"]
        neck = shape["neck"]
        self.size = size
        self.stem = Conv(3, c2, 3, 2)
        self.at4 = nn.Sequential(Conv(c2, c4, 3, 2), *(Block(c4) for _ in range(b4)))
        self.at8 = nn.Sequential(Conv(c4, c8, 3, 2), *(Block(c8) for _ in range(b8)))
        self.at16 = nn.Sequential(Conv(c8, c16, 3, 2), *(Block(c16) for _ in range(b16)))
        self.at32 = nn.Sequential(
            Conv(c16, c32, 3, 2), *(Block(c32) for _ in range(b32)), Pool(c32)
        )
        self.side8 = Conv(c8, neck, 1)
        self.side16 = Conv(c16, neck, 1)
        self.side32 = Conv(c32, neck, 1)
        self.join16 = Conv(neck, neck, 3)
        self.join8 = Conv(neck, neck, 3)
        self.down16 = Conv(neck, neck, 3, 2)
        self.down32 = Conv(neck, neck, 3, 2)
        self.heads = nn.ModuleList(Head(neck) for _ in STRIDES)
        self.start()

    def start(self):
        """Starting weights: rare people, boxes of a few cells around the cell."""
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        for head in self.heads:
            nn.init.normal_(head.score_out.weight, std=0.01)
            nn.init.constant_(head.score_out.bias, -4.6)  # 1 %: most cells hold nobody
            nn.init.normal_(head.place_out.weight, std=0.01)
            # Two cells to each side, twice as much up and down; feet below, the head above.
            start = [2.0, 4.0, 2.0, 4.0, 2.0, 4.0, 2.0, 4.0, 0.0, 4.0, 0.0, -3.0]
            head.place_out.bias.data.copy_(torch.tensor(start))

    def necks(self, x):
        """What the heads look at, of pictures from 0 to 1: a level each."""
        x = self.stem(x)
        x = self.at4(x)
        a = self.at8(x)
        b = self.at16(a)
        c = self.side32(self.at32(b))
        b = self.join16(self.side16(b) + F.interpolate(c, scale_factor=2.0, mode="nearest"))
        a = self.join8(self.side8(a) + F.interpolate(b, scale_factor=2.0, mode="nearest"))
        b = b + self.down16(a)
        c = c + self.down32(b)
        return a, b, c

    def levels(self, x):
        """The raw answer of each level, [batch, 13, rows, columns], of pictures from 0 to 1."""
        return self.answers(self.necks(x))

    def answers(self, necks):
        """What the heads say, a level each."""
        return [head(level) for head, level in zip(self.heads, necks)]

    def forward(self, x, necks=False):
        """Raw numbers; with `necks` also what the heads looked at."""
        seen = self.necks(x * (1.0 / 255.0))
        raw = torch.cat([level.flatten(2) for level in self.answers(seen)], 2).transpose(1, 2)
        return (raw, seen) if necks else raw


def cells(height, width, device="cpu"):
    """Centres and strides of all cells of an input: [cells, 2] px and [cells] px."""
    centres, strides = [], []
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        y, x = torch.meshgrid(
            (torch.arange(rows, device=device) + 0.5) * stride,
            (torch.arange(columns, device=device) + 0.5) * stride,
            indexing="ij",
        )
        centres.append(torch.stack((x, y), -1).reshape(-1, 2))
        strides.append(torch.full((rows * columns,), float(stride), device=device))
    return torch.cat(centres), torch.cat(strides)


def decode(places, centres, strides):
    """Raw places [..., cells, 12] to pixels: two boxes by their edges, foot, head."""
    signs = places.new_tensor(SIGNS)
    return centres.repeat(1, 6) + places * signs * strides[:, None]


class Exported(nn.Module):
    """What goes into the file: pictures as RGB 0 to 255 in, [batch, cells, 13] out.

    Batch normalisation is folded away, the scale of the pictures into the first convolution, the
    stride and the direction of each distance into the last ones. So channel 0 is the score from
    0 to 1, and channels 1 to 12 are `OUTPUTS` *relative to the centre of their cell*, in pixels
    of the input: the centre of cell (column, row) of a level is ((column + 0.5) * stride,
    (row + 0.5) * stride). Cells come row by row, strides 8, 16, 32 after each other."""

    def __init__(self, network):
        super().__init__()
        self.network = folded(network)
        self.network.stem[0].weight.data *= 1.0 / 255.0
        for head, stride in zip(self.network.heads, STRIDES):
            factor = stride * torch.tensor(SIGNS, device=head.place_out.weight.device)
            head.place_out.weight.data *= factor[:, None, None, None]
            head.place_out.bias.data *= factor

    def forward(self, images):
        levels = [
            torch.cat((torch.sigmoid(level[:, :1]), level[:, 1:]), 1).flatten(2)
            for level in self.network.levels(images)
        ]
        return torch.cat(levels, 2).transpose(1, 2)


def folded(network):
    """A copy with batch normalisation folded into the convolutions before it."""
    network = copy.deepcopy(network).eval()
    for layer in network.modules():
        if isinstance(layer, Conv):
            layer[0] = fuse_conv_bn_eval(layer[0], layer[1])
            layer[1] = nn.Identity()
    return network
