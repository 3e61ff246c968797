"""Makes training on a CPU faster: cheap masks for dropout; `gru.GRULayer` has a backward pass of its own.

Both are used where `trains_on_cpu` is true. On a GPU, or when no gradients are recorded, as on dev, torch's own layers
run. `multiplies_bfloat16` says whether bfloat16 would be faster.
"""

import torch
from torch import Tensor, nn


def trains_on_cpu(x: Tensor) -> bool:
    """Whether `x` is on the CPU and gradients are recorded."""
    return x.device.type == "cpu" and torch.is_grad_enabled()


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products in bfloat16. Without them float32 is faster.

    They count as missing if `ATEN_CPU_CAPABILITY` has torch use older ones, as on a processor that has AVX2 alone.
    """
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    used = torch.backends.cpu.get_cpu_capability()
    return used not in ("NO AVX", "DEFAULT", "AVX2") and any(
        capabilities.get(each) for each in ("avx512_bf16", "amx_bf16")
    )


class Dropout(nn.Dropout):
    """`nn.Dropout`, with masks that take 16 random bits per number when training on a CPU.

    So p is rounded to a multiple of 1/65536. The numbers that stay are divided by 1 - p for the rounded p, which keeps
    the mean. Srivastava et al. (2014), https://jmlr.org/papers/v15/srivastava14a.html.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Zeroes each number with probability p in training, and divides the others by 1 - p."""
        levels = 1 << 16
        dropped = round(levels * self.p)
        if not self.training or not 0 < dropped < levels or not trains_on_cpu(input):
            return super().forward(input)
        words = torch.empty(-(-input.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)  # all 64 bits
        random = words.view(torch.int16)[: input.numel()].view(input.shape)  # uniform in [-32768, 32768)
        return input * (random >= dropped - levels // 2).to(input.dtype).mul_(levels / (levels - dropped))
