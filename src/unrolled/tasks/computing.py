"""Where a task computes: seed, threads, device, and whether there is room for a model."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from unrolled.errors import ModelTooLargeError, NoDeviceError
from unrolled.tasks.unmade import unmade
from unrolled.training.group import join
from unrolled.training.logs import tensorboard_writer
from unrolled.training.settings import TrainSettings

Model = TypeVar("Model", bound=nn.Module)
_REMEDY = "Use --device cpu, or auto."
_REMEDY_TOGETHER = "Each process has a GPU of its own: start fewer, or use --device cpu."


def begin(settings: TrainSettings) -> torch.device:
    """Seed everything, set the threads, and choose the device.

    Raises:
        NoDeviceError: The device is not here.
        MissingExtraError: TensorBoard is asked for and not installed.
    """
    if settings.tensorboard:
        tensorboard_writer()  # refused before there is a run folder
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    return compute_on(settings)


def compute_on(settings: TrainSettings) -> torch.device:
    """The device that the settings name; for "auto" a GPU if there is one.

    Of several processes on a machine each has a GPU of its own.

    Raises:
        NoDeviceError: The device is not here.
    """
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    group = join()
    try:
        there = group.own(torch.device(device))
        torch.zeros(1, device=there).item()  # the meta device is there, but computes nothing
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        remedy = _REMEDY if group.is_alone else _REMEDY_TOGETHER
        raise NoDeviceError(device=device, reason=reason, remedy=remedy) from error
    return there


def open_on(settings: TrainSettings) -> torch.device:
    """Where a trained model computes: as in training, or as for auto if that is not here."""
    try:
        return compute_on(settings)
    except NoDeviceError:
        return compute_on(replace(settings, device="auto"))


def build_on(device: torch.device, build: Callable[[], Model]) -> Model:
    """The model with fresh weights on a device, if there is room to train it.

    Raises:
        ModelTooLargeError: Its weights, their gradients and Adam's two moments are too much.
    """
    with unmade():
        needed = 4 * sum(weight.nbytes for weight in build().parameters())
    there = _memory(device)
    if needed > there:
        gigabytes = (f"{size / 1e9:,.0f} GB" for size in (needed, there))
        raise ModelTooLargeError(needed=next(gigabytes), device=device, there=next(gigabytes))
    return build().to(device)


def _memory(device: torch.device) -> float:
    """Bytes of memory that a device has, used or not."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "cpu" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return float("inf")
