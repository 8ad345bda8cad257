"""Several processes that train one network, with the calls of torch.distributed.

`torchrun` starts the processes and gives each its rank through the environment. Rank 0, the main process, is the only
one that writes files and prints the result. One process alone takes the plain path of every function.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from efnn_cli.core import device, ranks, signals
from efnn_cli.core.errors import DeviceError, Echo, EfnnError, InputError, NumericalError, Stopped

Found = TypeVar("Found")

NOTICE_SECONDS = 5.0  # of waiting for the other processes
GO_ON = "nothing is half written: the same command goes on, with any number of processes"
SAME = "start all in the same folder, with the same command, and with the same files on every machine"


def world_size() -> int:
    """Return the number of processes that train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_main() -> bool:
    """Return True in the one process that writes."""
    return world_size() == 1 or dist.get_rank() == 0


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Join the processes named by the environment; raise `DeviceError` where they cannot be met or one is lost."""
    process = ranks.process()
    if process.world_size == 1:
        yield
        return
    _meet(process)
    with lost_rank_as_error():
        try:
            yield
        except NumericalError as error:  # of the same numbers in every rank
            _end(error)
    dist.destroy_process_group()  # not after an error: a GPU may wait for a lost rank


def _meet(process: ranks.Process) -> None:
    """Initialise the process group; after some seconds alone print a line that explains the wait."""
    if not dist.is_available():
        raise DeviceError("this PyTorch is built without torch.distributed", ranks.HINT)
    where = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    notice = (
        f"rank {process.rank} of WORLD_SIZE={process.world_size} is waiting for the others at {where}; {ranks.HINT}\n"
    )
    timer = threading.Timer(NOTICE_SECONDS, sys.stderr.write, [notice])
    timer.daemon = True
    timer.start()
    try:
        with signals.at_once():
            dist.init_process_group("gloo", rank=process.rank, world_size=process.world_size)
    except RuntimeError as error:
        raise DeviceError(f"cannot meet the other processes at {where}", ranks.HINT) from error
    finally:
        timer.cancel()


@contextlib.contextmanager
def lost_rank_as_error() -> Iterator[None]:
    """Turn a closed connection into a `DeviceError`: another process has ended, or its machine."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise DeviceError("training: lost another of the processes that train together", GO_ON) from error


def _end(error: EfnnError) -> NoReturn:
    """Raise `error` in the main process, elsewhere a silent error with the same exit code."""
    signals.ignore_signals()  # torchrun sends one to the others when the first process has ended
    raise error if is_main() else Echo(error.code)


def all_gather(work: Callable[[], Any]) -> list[Any]:
    """Return the plain value that `work` gives in every rank, by rank; where it fails in one, raise in all."""
    failure = None
    try:
        answer = {"value": work()}
    except EfnnError as error:
        failure = error
        answer = {"code": error.code, "message": error.message, "hint": error.hint}
    answers = [json.loads(text) for text in _all_gather_text(json.dumps(answer))]
    for rank, each in enumerate(answers):
        if "code" in each:
            received = EfnnError(f"rank {rank}: {each['message']}", each["hint"])
            received.code = each["code"]
            _end(failure if failure is not None and rank == 0 else received)
    return [each["value"] for each in answers]


def _all_gather_text(text: str) -> list[str]:
    """Return the `text` of every rank, by rank; bytes in tensors, since the object collectives of torch use pickle."""
    content = torch.tensor(list(text.encode()), dtype=torch.uint8)
    lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(world_size())]
    dist.all_gather(lengths, torch.tensor([len(content)]))
    pages = [torch.zeros(int(max(lengths)), dtype=torch.uint8) for _ in lengths]
    dist.all_gather(pages, nn.functional.pad(content, (0, len(pages[0]) - len(content))))
    return [bytes(page[: int(length)].tolist()).decode() for page, length in zip(pages, lengths, strict=True)]


def agreed(work: Callable[[], Found], key: Callable[[Found], str]) -> Found:
    """Return what `work` gives in this rank; raise in all ranks where it fails in one, or where a `key` differs."""
    if world_size() == 1:
        return work()
    results: list[Found] = []

    def keyed() -> str:
        results.append(work())
        return key(results[0])

    keys = all_gather(keyed)
    if len(set(keys)) > 1:
        found = ", ".join(f"rank {rank} {each}" for rank, each in enumerate(keys))
        _end(InputError(f"the processes do not train the same thing: {found}", SAME))
    return results[0]


def broadcast(work: Callable[[], Found]) -> Found:
    """Return in every rank the plain value that `work` gives in the main process; an error there ends all ranks."""
    if world_size() == 1:
        return work()
    return all_gather(work if is_main() else lambda: None)[0]  # type: ignore[no-any-return]


def local_device(name: str) -> torch.device:
    """Return the device of this process: of several on one machine, each has a GPU of its own."""
    if world_size() == 1:
        return device.resolve(name)
    return agreed(lambda: device.resolve_shared(name, ranks.process().local_rank), lambda each: f"uses {each.type}")


def parallel(model: nn.Module) -> nn.Module:
    """Return `model` with gradients that are averaged over the ranks; those of GPUs go through NCCL."""
    if world_size() == 1:
        return model
    on_gpu = next(model.parameters()).is_cuda
    return DistributedDataParallel(model, process_group=dist.new_group(backend="nccl") if on_gpu else None)


def next_step(pause: Callable[[], None], progress: float) -> float:
    """Return the progress by the clock of the main process; a `pause` that stops one rank stops all at this step."""
    if world_size() == 1:
        pause()
        return progress
    signum = 0
    try:
        pause()
    except Stopped as stop:
        signum = stop.signum
    board = torch.tensor([signum, progress if is_main() else -math.inf], dtype=torch.float64)
    dist.all_reduce(board, op=dist.ReduceOp.MAX)
    if board[0] > 0:
        signum = int(board[0])
        _end(Stopped(signum, f"stopped by {signal.Signals(signum).name}", GO_ON))
    return float(board[1])


def share(batch: Tensor) -> tuple[Tensor, int]:
    """Return this rank's part of the indices `batch` (B,), and its length.

    A rank without a part computes one configuration that does not count, to take part in the all-reduce.
    """
    if world_size() == 1:
        return batch, len(batch)
    part = batch[dist.get_rank() :: world_size()]
    return (part, len(part)) if len(part) else (batch[:1], 0)


def summed(values: Tensor) -> Tensor:
    """Return the sums of `values` over the ranks, on the CPU."""
    total = values.detach().cpu()
    if world_size() == 1:
        return total
    total = total.clone()
    dist.all_reduce(total)
    return total


def mapped(work: Callable[[Tensor], Tensor], items: Tensor) -> Tensor:
    """Return `work`, from (B, ...) to (B,) float64, of `items` on the CPU; every rank computes a part of them."""
    if world_size() == 1:
        return work(items).cpu()
    rank, size = dist.get_rank(), world_size()
    result = torch.zeros(len(items), dtype=torch.float64)
    if rank < len(items):
        result[rank::size] = work(items[rank::size]).cpu()
    dist.all_reduce(result)  # exact: every number has one rank, and the others add zero
    return result
