"""Several processes, one or more on every machine, that train one network with DistributedDataParallel.

What the processes tell each other, other than gradients, goes through a group on the CPU (gloo), and always begins
with the same small exchange (`_exchange`): whether one of them has failed, and values of the first one. So whatever a
process is doing, it hears of a failure, a signal among them, at the next exchange, and all end at the same step. A
process that has died takes its connections with it: the exchange of the others then fails at once, with `LostError`.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from efnn_cli.core import device, ranks, signals
from efnn_cli.core.errors import (
    ConfigError,
    ConflictError,
    DeviceError,
    Echo,
    EfnnError,
    InputError,
    LostError,
    NumericalError,
    OutputError,
    Stopped,
)
from efnn_cli.training.team import Found, Team

TIMEOUT = timedelta(minutes=30)  # of silence; only the end, where the first process judges alone, takes minutes
STEP_TIMEOUT = timedelta(minutes=10)  # of one step on a GPU, all having begun it
PATIENCE_SECONDS = 5.0  # of waiting for the others without a word
VALUES = 3  # room in every exchange
KINDS = {each.code: each for each in (ConfigError, InputError, NumericalError, DeviceError, ConflictError, OutputError)}
GO_ON = "nothing is half written: the same command goes on, with any number of processes"
GRACE_SECONDS = 1.0  # connections of a killed process close before it counts as ended


@contextlib.contextmanager
def meeting(place: ranks.Place) -> Iterator[Processes]:
    """Meet the others, and leave them whatever happens."""
    where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    try:
        with signals.at_once(), _patience(place, where):  # nobody may come, and nothing is begun
            dist.init_process_group("gloo", rank=place.rank, world_size=place.size, timeout=TIMEOUT)
    except RuntimeError as error:
        raise DeviceError(f"cannot meet the other processes at {where}: {_first_line(error)}", ranks.HINT) from error
    team = None
    try:
        team = Processes(place)
        yield team
    except BaseException:
        if team is not None and team.gradients is not None:
            team.gradients.abort()  # a GPU may wait for ever for a process that has died
        raise
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _patience(place: ranks.Place, where: str) -> Iterator[None]:
    """Say what is waited for where the others do not come soon; every process does, since any may be the only one."""
    who = f"rank {place.rank} of WORLD_SIZE={place.size} is waiting for the others at {where}; {ranks.HINT}"
    timer = threading.Timer(PATIENCE_SECONDS, sys.stderr.write, [f"{who}\n"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Processes(Team):
    """One of several processes."""

    def __init__(self, place: ranks.Place) -> None:
        super().__init__(place)
        self.settled = False
        """Whether a failure is known to all already."""
        self.gradients: dist.ProcessGroup | None = None
        """The group of the GPUs; None where gradients too go through the CPU."""
        me = json.dumps([socket.gethostname(), os.getpid()])
        self.members: list[tuple[str, int]] = [tuple(json.loads(each)) for each in self._everyone(me)]

    def together(self, work: Callable[[], Found]) -> Found:
        """See `Team`."""
        try:
            result = work()
            self._exchange()
        except EfnnError as error:
            signals.ignore_signals()  # the launcher ends the others when one has ended, and this one ends by itself
            self._end(error)
        return result

    def _end(self, error: EfnnError) -> NoReturn:
        """Raise what this process is to say, or an `Echo` of what the first one says."""
        told = error
        if not self.settled and not isinstance(error, LostError):
            try:
                self._exchange(error)
            except LostError:
                raise error from None
            except EfnnError as heard:
                told = heard
        if isinstance(told, Echo):
            self._outlast_first()
        raise told from (None if told is error else error)

    def _outlast_first(self) -> None:
        """Wait for the end of the first process: a launcher that sees this one end would not let it finish."""
        with contextlib.suppress(LostError):
            self._exchange()

    def first_says(self, *values: float) -> list[float]:
        """See `Team`."""
        return self._exchange(values=values)[: len(values)]

    def agree(self, what: str, text: str) -> None:
        """See `Team`."""
        self._exchange()
        texts = self._everyone(text)
        if len(set(texts)) > 1:
            self.settled = True
            if not self.leads:
                raise Echo(InputError.code)
            found = ", ".join(f"rank {rank} {each}" for rank, each in enumerate(texts))
            raise InputError(
                f"the processes do not train the same thing: {what} of {found}",
                "start all in the same folder, with the same command, and with the same files on every machine",
            )

    def check_device(self, name: str) -> None:
        """See `Team`."""
        device.check_shared(name)

    def device(self, name: str) -> torch.device:
        """See `Team`."""
        return device.resolve_shared(name, self.place.local_rank)

    def parallel(self, model: nn.Module) -> nn.Module:
        """See `Team`."""
        with self._listening():
            if next(model.parameters()).is_cuda and self.gradients is None:
                self.gradients = dist.new_group(backend="nccl", timeout=STEP_TIMEOUT)
            return _Parallel(self, model, self.gradients)

    def before_step(self, pause: Callable[[], None], progress: float) -> float:
        """See `Team`; what `pause` raises here, the others hear at this step, from `together`."""
        pause()
        return self._exchange(values=[progress])[0]

    def share(self, chosen: Tensor) -> tuple[Tensor, int]:
        """See `Team`; a process without a share takes one configuration that does not count, to take part."""
        own = chosen[self.rank :: self.size]
        return (own, len(own)) if len(own) else (chosen[:1], 0)

    def backward(self, loss: Tensor, weight: float) -> None:
        """See `Team`."""
        with self._listening():
            torch.autograd.backward(loss, torch.full_like(loss, weight))

    def total(self, value: Tensor) -> float:
        """See `Team`."""
        self._exchange()  # before a GPU is waited for, which may wait for a process that has died
        everywhere = value.detach().cpu().clone()
        with self._listening():
            dist.all_reduce(everywhere)
        return float(everywhere)

    def shared(self, work: Callable[[Tensor], Tensor], items: Tensor) -> Tensor:
        """See `Team`; exact, since every number has one process, and the others add zero."""
        result = torch.zeros(len(items), dtype=torch.float64)
        own = items[self.rank :: self.size]
        if len(own):
            result[self.rank :: self.size] = work(own).cpu()
        with self._listening():
            dist.all_reduce(result)
        return result

    def _exchange(self, failure: EfnnError | None = None, values: Sequence[float] = ()) -> list[float]:
        """The `values` of the first process; raises where any of them has a `failure`."""
        code = 0.0 if failure is None else float(failure.code)
        given = [float(each) if self.leads else -math.inf for each in values]
        board = torch.tensor([code, *given, *[-math.inf] * (VALUES - len(given))], dtype=torch.float64)
        with self._listening():
            dist.all_reduce(board, op=dist.ReduceOp.MAX)
        if board[0] > 0:
            raise self._heard(failure)
        return [float(each) for each in board[1:]]

    def _heard(self, failure: EfnnError | None) -> EfnnError:
        """The failure of the first process that has one: as it is in the first process, an `Echo` in the others."""
        own = "" if failure is None else json.dumps([failure.code, failure.message, failure.hint])
        told = self._everyone(own)
        self.settled = True
        speaker = next(rank for rank, each in enumerate(told) if each)
        code, message, hint = json.loads(told[speaker])
        if not self.leads:
            return Echo(code)
        if speaker == self.rank and failure is not None:
            return failure
        if code > 128:  # a signal is meant for all, whoever hears of it first
            return Stopped(code - 128, message, hint)
        return KINDS.get(code, EfnnError)(f"rank {speaker}: {message}", hint)

    def _everyone(self, text: str) -> list[str]:
        """The `text` of every process, by rank."""
        content = text.encode()
        lengths = torch.zeros(self.size, dtype=torch.int64)
        lengths[self.rank] = len(content)
        with self._listening():
            dist.all_reduce(lengths)
            page = torch.zeros((self.size, max(1, int(lengths.max()))), dtype=torch.uint8)
            page[self.rank, : len(content)] = torch.tensor(list(content), dtype=torch.uint8)
            dist.all_reduce(page)
        return [bytes(row[:length].tolist()).decode() for row, length in zip(page, lengths.tolist(), strict=True)]

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Turn the failure of a connection within a collective call into a `LostError` that says who has ended."""
        try:
            yield
        except RuntimeError as error:
            if not isinstance(error, dist.DistError) and not re.search(r"\bgloo\b", str(error)):
                raise  # of this process: backward passes fail for other reasons too
            raise LostError(f"training: lost {self._missing()}: {_first_line(error)}", GO_ON) from error

    def _missing(self) -> str:
        """Who has ended, as far as can be seen from this machine."""
        end = time.monotonic() + GRACE_SECONDS
        while True:
            gone = [f"rank {rank} (process {pid})" for rank, (host, pid) in enumerate(self.members) if _dead(host, pid)]
            if gone:
                return " and ".join(gone)
            if time.monotonic() > end:
                return f"one of the {self.size} processes"
            time.sleep(0.02)


_NAMES = inspect.signature(DistributedDataParallel.__init__).parameters
_OLD = "forward_sync_buffers" not in _NAMES  # before torch 2.13
_BUFFERS: dict[str, Any] = {"broadcast_buffers" if _OLD else "forward_sync_buffers": False}  # they do not change


class _Parallel(DistributedDataParallel):
    """With the errors of its connections as `LostError`: its first forward passes communicate too."""

    def __init__(self, team: Processes, model: nn.Module, group: dist.ProcessGroup | None) -> None:
        super().__init__(model, process_group=group, **_BUFFERS)
        self._team = team

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Energies (B,), float64, of the spins of the own share."""
        with self._team._listening():
            return super().forward(*inputs, **named)  # type: ignore[no-untyped-call]


def _dead(host: str, pid: int) -> bool:
    """Whether a process of this machine has ended, as far as can be seen."""
    if host != socket.gethostname():
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return Path("/proc/self/stat").exists()
    except OSError:
        return False
    return state in "ZX"  # ended, and its parent has not asked for it yet


def _first_line(error: Exception) -> str:
    """The reason without the place in the sources and the advice of the library."""
    return re.sub(r"^\[[^]]*\.(cc|cpp|h):\d+\] ", "", str(error).splitlines()[0].partition(". This is")[0])
