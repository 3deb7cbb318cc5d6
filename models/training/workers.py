"""Several processes that train one network on a CPU: each makes its own batches with one thread,
and their gradients are averaged a step. Threads inside one process wait for each other at every
layer; processes wait once a step."""

import os
import sys
import tempfile

import torch
from torch import distributed


class Alone:
    """One process: agrees with itself."""

    rank, over = 0, False

    def agree(self, _parameters, rate, over):
        """See `Group.agree`."""
        self.over = over
        return rate

    def close(self):
        """Nobody to wait for."""


class Group:
    """This process and its copies. The first one (rank 0) keeps time, checks and saves."""

    def __init__(self, count):
        self.count, self.rank, self.over, self.others = count, 0, False, []
        folder = tempfile.mkdtemp()
        sys.stdout.flush()
        for rank in range(1, count):
            child = os.fork()
            if child == 0:
                self.rank, self.others = rank, []
                break
            self.others.append(child)
        distributed.init_process_group(
            "gloo", init_method=f"file://{folder}/meet", rank=self.rank, world_size=count
        )

    def agree(self, parameters, rate, over):
        """Averages the gradients of all; takes the first one's learning rate, which it returns,
        and its word on whether the run is over."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        mine = [rate, float(over)] if self.rank == 0 else [0.0, 0.0]
        flat = torch.cat([g.flatten() for g in gradients] + [torch.tensor(mine)])
        distributed.all_reduce(flat)
        *sums, said = flat.split([g.numel() for g in gradients] + [2])
        for gradient, total in zip(gradients, sums):
            gradient.copy_(total.view_as(gradient)).div_(self.count)
        self.over = bool(said[1] > 0)
        return float(said[0])

    def close(self):
        """The copies end; the first one waits for them."""
        distributed.destroy_process_group()
        if self.rank > 0:
            sys.stdout.flush()
            os._exit(0)
        for child in self.others:
            os.waitpid(child, 0)
