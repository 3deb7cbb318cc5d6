"""Several processes that train one network on a CPU: each makes its own batches with one thread,
and their gradients are averaged a step. Threads inside one process wait for each other at every
layer; processes wait once a step."""

import os
import shutil
import signal
import sys
import tempfile
import traceback

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
    """This process and its copies. The first one (rank 0) keeps time, checks and saves.

    Nobody waits for one who has ended: a copy that fails ends at once, which closes its
    connections, so whoever waits for it in `agree` fails too; the copies likewise when the first
    one is killed. The first one, failing, ends the copies before it waits for them. One that
    neither ends nor answers is given up after 30 minutes, PyTorch's usual limit: a check by the
    first one must be done in that time."""

    def __init__(self, count):
        self.count, self.rank, self.over, self.others = count, 0, False, []
        self.folder = tempfile.mkdtemp()
        sys.stdout.flush()
        for rank in range(1, count):
            child = os.fork()
            if child == 0:
                self.rank, self.others = rank, []
                break
            self.others.append(child)
        try:
            distributed.init_process_group(
                "gloo", init_method=f"file://{self.folder}/meet", rank=self.rank, world_size=count
            )
        except BaseException:
            self.close()
            raise

    def agree(self, parameters, rate, over):
        """Averages the gradients of all; takes the first one's learning rate, which it returns,
        and its word on whether the run is over."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        mine = [rate, float(over)] if self.rank == 0 else [0.0, 0.0]
        flat = torch.cat([g.flatten() for g in gradients] + [torch.tensor(mine)])
        try:
            distributed.all_reduce(flat)
        except RuntimeError as error:
            who = f"worker {self.rank}" if self.rank else "the training"
            raise SystemExit(f"{who} ends: another worker has ended") from error
        *sums, said = flat.split([g.numel() for g in gradients] + [2])
        for gradient, total in zip(gradients, sums):
            gradient.copy_(total.view_as(gradient)).div_(self.count)
        self.over = bool(said[1] > 0)
        return float(said[0])

    def close(self):
        """The copies end; the first one waits for them, and fails when one of them did. To be
        called with an exception on its way too."""
        error = sys.exc_info()[1]
        if self.rank > 0:
            leave(error)
        if error is not None:
            for child in self.others:
                os.kill(child, signal.SIGTERM)
        failed = [line for rank, child in enumerate(self.others, 1)
                  if (line := ended(rank, child, error is not None))]
        shutil.rmtree(self.folder, ignore_errors=True)
        if error is None:
            distributed.destroy_process_group()
            if failed:
                raise SystemExit("; ".join(failed))
        for line in failed:
            print(line, file=sys.stderr)


def leave(error):
    """Ends a copy, with its error's words if there is one, and without what the first one cleans
    up."""
    if error is None:
        distributed.destroy_process_group()
    elif isinstance(error, SystemExit):
        print(error, file=sys.stderr)
    else:
        traceback.print_exception(error)
    sys.stderr.flush()
    sys.stdout.flush()
    os._exit(0 if error is None else 1)


def ended(rank, child, stopped):
    """Waits for a copy to end. What to say of it, or nothing when it did as it was told."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0 or (stopped and code == -signal.SIGTERM):
        return None
    why = f"signal {-code}" if code < 0 else "an error: its words are above"
    return f"worker {rank} was ended by {why}"
