"""Start a Dask cluster for decode on SLURM and keep it up; `--local` starts two worker processes here instead."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from contextlib import suppress
from typing import Any

WORKER_GIB, HOURS = 6, 4


def slurm(jobs: int, port: int) -> Any:
    """A scheduler on this node, and `jobs` SLURM jobs of four workers each."""
    from dask_jobqueue import SLURMCluster

    cluster = SLURMCluster(
        queue="normal",  # your partition
        account="mylab",  # your account
        cores=4,
        processes=4,  # one thread a worker: matrix products of decode take one thread each
        memory=f"{4 * WORKER_GIB}GB",
        walltime=f"{HOURS:02d}:00:00",
        local_directory="$TMPDIR",  # the node's own disk, never a shared one
        log_directory="dask-logs",
        job_script_prologue=["source ~/decode-env/bin/activate", "export OMP_NUM_THREADS=1 TF_CPP_MIN_LOG_LEVEL=3"],
        scheduler_options={"port": port, "dashboard_address": ":8787"},
    )
    cluster.scale(jobs=jobs)
    return cluster


def local(port: int) -> Any:
    """The same on this machine, to try a command before it goes to the cluster."""
    from distributed import LocalCluster

    return LocalCluster(n_workers=2, threads_per_worker=1, processes=True, scheduler_port=port, dashboard_address=None)


def main() -> None:
    """Start, say where the scheduler is, and wait for Ctrl+C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5)
    parser.add_argument("--port", type=int, default=8786)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--show", action="store_true", help="print the job script and stop")
    options = parser.parse_args()
    cluster = local(options.port) if options.local else slurm(0 if options.show else options.jobs, options.port)
    with cluster:
        if options.show:
            print(cluster.job_script())
            return
        print(f"decode ... --executor {cluster.scheduler_address}", flush=True)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # jobs are cancelled then too
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(60)


if __name__ == "__main__":
    main()
