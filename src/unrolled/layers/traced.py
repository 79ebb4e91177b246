"""What torch.compile and torch.export are told of layers, when they trace the first one."""

from typing import Any

import torch

from unrolled.layers.in_c import run_in_c

torch.compiler.allow_in_graph(run_in_c)


@torch.compiler.assume_constant_result
def kernel_texts(
    layer: Any, device: torch.device, dtype: torch.dtype, masks: bool, record: tuple[str, ...]
) -> tuple[str, ...]:
    """What `Layer.kernel_texts` says, found while tracing."""
    return layer.kernel_texts(device, dtype, masks, record)
