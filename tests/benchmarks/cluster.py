"""A cluster whose parts are processes of their own: to be measured, and killed, one by one."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler and workers of one thread each, in a folder for their files."""

    def __init__(self, folder, count=2, preload=None, nanny=True, environment=None):
        self.folder, self.preload, self.nanny, self.count = Path(folder), preload, nanny, count
        path = os.pathsep.join([str(ROOT), str(ROOT / "widgets")])
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **(environment or {})}
        self.workers, self.scheduler = [], None

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def file(self):
        return self.folder / "scheduler.json"

    @property
    def address(self):
        return json.loads(self.file.read_text())["address"]

    def start(self):
        """Start all; return when the scheduler listens."""
        self.file.unlink(missing_ok=True)
        self.scheduler = self._process("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
        while not self.file.exists() or not self.file.read_text().rstrip().endswith("}"):
            time.sleep(0.05)
        self.workers = [self.add() for _ in range(self.count)]

    def add(self, address=None):
        """Start a worker, of this scheduler or of whom passes on to it."""
        where = (address or self.address,)
        more = ("--preload", self.preload) if self.preload else ()
        nanny = "--nanny" if self.nanny else "--no-nanny"
        return self._process("dask_worker", *where, "--nthreads", "1", nanny, *more, file=False)

    def _process(self, module, *arguments, file=True):
        where = ("--scheduler-file", str(self.file)) if file else ("--local-directory", str(self.folder))
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, *where, "--no-dashboard"]
        log = (self.folder / "log.txt").open("ab")
        with log:
            return subprocess.Popen(command, env=self.environment, cwd=self.folder, stdout=log, stderr=log)

    def stop(self):
        """End all."""
        ended = [one for one in (*self.workers, self.scheduler) if one]
        for one in ended:
            one.terminate()
        for one in ended:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(5)
            one.kill()
            one.wait()
