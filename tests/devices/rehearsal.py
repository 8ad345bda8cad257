"""A device that is not there: fake tensors on an accelerator, without numbers, on any machine.

PyTorch lets Python register a device (PrivateUse1), and fake tensors carry shape, type and device through every
operation. They catch tensors left on the CPU, wrong shapes and types, and count the places where the host would wait.
"""

import contextlib

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

NAME = "rehearsal"
REGISTER = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)


class Module(getattr(backend_registration, "_DummyBackendModule", object)):
    """What PyTorch asks the module of a device."""

    def get_amp_supported_dtype(self):
        return [torch.float16, torch.bfloat16]


def device():
    """The device, registered once in a process."""
    if REGISTER is None:
        pytest.skip("this PyTorch cannot register a device from Python")
    if not hasattr(torch, NAME):
        REGISTER(NAME, Module())
    return torch.device(NAME, 0)


class Waits(TorchDispatchMode):
    """Runs what is of the device with fake tensors and all else with real ones; counts where the host waits."""

    def __init__(self, mode, doubles):
        super().__init__()
        self.mode = mode
        self.doubles = doubles
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = self._done(function, args, kwargs or {})
        for each in tree_leaves(found):
            if not self.doubles and isinstance(each, FakeTensor) and each.dtype == torch.float64:
                raise TypeError(f"{function} gives float64, which this device has not")
        return found

    def _done(self, function, args, kwargs):
        target = kwargs.get("device")
        to = None if target is None else torch.device(target).type
        fake = any(isinstance(each, FakeTensor) for each in tree_leaves((args, kwargs)))
        if not fake and to != NAME:
            return function(*args, **kwargs)
        if function is torch.ops.aten._local_scalar_dense.default:
            self.found.append("item")
            return 0.5 if args[0].is_floating_point() else args[0].dtype != torch.bool and 0
        if function is torch.ops.aten._to_copy.default and to == "cpu":
            self.found.append("copy to the CPU")  # the host goes on with some numbers
            return torch.full(args[0].shape, 0.5, dtype=torch.float64).to(kwargs.get("dtype") or args[0].dtype)
        if function is torch.ops.aten.nonzero.default:
            self.found.append("nonzero")
            return args[0].new_empty((0, args[0].ndim), dtype=torch.int64)
        if function is torch.ops.aten.index.Tensor and args[1][0] is not None and args[1][0].dtype == torch.bool:
            self.found.append("rows of a mask")
            return args[0].new_empty((1, *args[0].shape[args[1][0].ndim :]))
        if function is torch.ops.aten._to_copy.default and not fake:
            return FakeTensor(self.mode, args[0].to("meta", kwargs.get("dtype")), torch.device(target))
        with self.mode:
            return function(*args, **kwargs)


def tensor_by_copy(make):
    """`torch.tensor` that makes the tensor on the CPU first: its own way to a device bypasses fake tensors."""

    def tensor(data, *, device=None, **how):
        found = make(data, **how)
        return found if device is None else found.to(device)

    return tensor


class Rehearsal:
    """Fake tensors of one mode, on a device with or without float64."""

    def __init__(self, doubles=True):
        self.device = device()
        self.doubles = doubles
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)

    def tensor(self, like):
        """A tensor of this shape and type on the device."""
        return FakeTensor(self.mode, like.detach().to("meta"), self.device)

    def moved(self, module):
        """The module itself, with its parameters and buffers on the device."""
        for each in module.modules():
            for name, parameter in list(each._parameters.items()):
                if parameter is not None and not isinstance(parameter, FakeTensor):
                    each._parameters[name] = torch.nn.Parameter(self.tensor(parameter), parameter.requires_grad)
            for name, buffer in list(each._buffers.items()):
                if buffer is not None and not isinstance(buffer, FakeTensor):
                    each._buffers[name] = self.tensor(buffer)
        return module

    @contextlib.contextmanager
    def running(self):
        """Run on the device; yields the waits."""
        one_thread = torch.autograd.set_multithreading_enabled(False)
        with pytest.MonkeyPatch.context() as patch, one_thread, Waits(self.mode, self.doubles) as waits:
            patch.setattr(torch, "tensor", tensor_by_copy(torch.tensor))
            patch.setattr(torch.nn.Module, "to", self._module_to(torch.nn.Module.to))
            yield waits

    def _module_to(self, usual):
        """`Module.to` for modules that come here."""

        def to(module, *where, **how):
            here = bool(where) and where[0] == self.device
            return self.moved(module) if here else usual(module, *where, **how)

        return to
