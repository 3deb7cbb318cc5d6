"""Pictures rendered beside the training, by a program that is given."""

import pathlib
import shutil
import subprocess
import threading
import time

import augment
import pictures

HELD_SEED = 9  # of the rendered pictures to check on: the same in every run


class Renderer(threading.Thread):
    """Renders folder after folder beside the training, and decodes what is done."""

    def __init__(self, options, first_seed):
        super().__init__(daemon=True)
        self.options, self.seed = options, first_seed
        self.folder = pathlib.Path(options.render_folder)
        self.done, self.lock, self.stop = [], threading.Lock(), False

    def one(self, count, threads, held_seed=None):
        """Renders `count` pictures, held back if given a seed of their own; returns their
        records and pixels."""
        seed = self.seed if held_seed is None else held_seed
        folder = self.folder / f"seed{seed}"
        began = time.time()
        subprocess.run(
            [self.options.render, "--out", folder, "--count", str(count), "--seed", str(seed),
             "--size", "416x256", "--threads", str(threads),
             "--val-every", "0" if held_seed is None else "1"],
            check=True, stdout=subprocess.DEVNULL,
        )
        self.seed += held_seed is None
        records = pictures.read_folder(folder)
        decoded = pictures.decode_all(records, threads)
        shutil.rmtree(folder)
        print(f"rendered {len(records)} in {time.time() - began:.0f} s (seed {seed})",
              flush=True)
        return records, decoded

    def before(self, threads):
        """Records and pixels of what is there from the start: to check on, and to train on."""
        held, shown = self.one(self.options.render_held, threads, HELD_SEED)
        first, seen = self.one(self.options.render_first, threads)
        return held + first, shown + seen

    def run(self):
        while not self.stop:
            try:
                threads = self.options.render_threads
                result = augment.prepare(*self.one(self.options.render_count, threads), 4,
                                         self.options.device)
            except (subprocess.CalledProcessError, OSError, pictures.Unfit) as error:
                print(f"rendering stopped: {error}", flush=True)
                return
            with self.lock:
                self.done.append(result)

    def take(self):
        """What was rendered since it was asked last."""
        with self.lock:
            done, self.done = self.done, []
        return done
