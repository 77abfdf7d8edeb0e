"""With which numbers the learner's forward and backward passes compute; weights and losses are always float32."""
from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """What a forward pass runs in. "bfloat16" rounds the inputs of matrix products and convolutions to 8 bits of
    mantissa; "auto" does where the processor has instructions for it, which makes convolutions about a third faster
    on a CPU; "float32" rounds nothing.
    """
    if precision == "float32" or (precision == "auto" and not has_bfloat16(device)):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16"))
    return False
