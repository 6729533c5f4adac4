"""Training steps of every encoder of geometries on one device, beside what the device can do.

    python -m benchmarks.accelerator [--device cuda|cpu] [--molecules N] [--repeats N] [--json FILE]

A step is forward, backward and fused Adam on a batch at hand, of an encoder in its paper's size and one
linear layer, in single precision, with TF32 products (accelerators only) and in bfloat16 autocast. How far
features are from those in single precision stands beside, and whether that is near enough for the precision.
What the device can do is measured first: bytes a second of a copy, and operations a second of large products
in each precision. The share of the roofline is the larger of the shares of the products' and of the memory's
speed. Operations are those of matrix products, bytes those that PyTorch's operators read and write, each
counted in one step more; what our kernels in C do on a CPU is not among them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.record import Cell, Measured, Spread, options_of, record, report
from molbench.backbones import BACKBONES, build_backbone
from molbench.data.read.store import Store
from molbench.graph.molecules import MoleculeBatch
from molbench.testing import small_backbone
from molbench.training.allocator import tune_allocator

PRECISIONS = ("fp32", "tf32", "bf16")
#: Largest difference of a feature from single precision, of the largest feature.
PARITY = {"fp32": 1e-4, "tf32": 0.02, "bf16": 0.1}


class Traffic(TorchDispatchMode):
    """Counts the bytes that operators read and write; views move nothing."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
            self.bytes += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        return result


def molecules(count: int, device: str) -> MoleculeBatch:
    """The first so many molecules of at least 16 atoms."""
    store = Store.open(Path(__file__).parents[1] / "datasets/xtb-molecules")
    sizes = store.batch(np.arange(len(store))).sizes.numpy()
    return store.batch(np.flatnonzero(sizes >= 16)[:count]).to(device)


def synchronise(device: str) -> None:
    """Wait for the device."""
    if device == "cuda":
        torch.cuda.synchronize()


def seconds(run: Callable[[], object], device: str, repeats: int) -> list[float]:
    """Time of each of some runs, after two to warm up."""
    times = []
    for _ in range(repeats + 2):
        synchronise(device)
        start = time.perf_counter()
        run()
        synchronise(device)
        times.append(time.perf_counter() - start)
    return times[2:]


def use(precision: str) -> None:
    """Products of single precision as a precision says."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")


def bandwidth(device: str, toy: bool) -> float:
    """Bytes a second of a copy, read and written."""
    values = torch.zeros(2**22 if toy else 2**28, device=device)
    target = torch.empty_like(values)
    return 2 * values.numel() * 4 / min(seconds(lambda: target.copy_(values), device, 5))


def peak(device: str, precision: str, toy: bool) -> float:
    """Operations a second of a product of large matrices."""
    use(precision)
    size, dtype = 256 if toy else 4096, torch.bfloat16 if precision == "bf16" else torch.float32
    left = torch.randn(size, size, device=device).to(dtype)
    return 2.0 * size**3 / min(seconds(lambda: left @ left, device, 5))


def step_of(name: str, batch: MoleculeBatch, precision: str, toy: bool) -> Callable[[], None]:
    """A training step of an encoder."""
    backbone = small_backbone(name) if toy else build_backbone(name)
    device = batch.positions.device
    model = nn.ModuleList([backbone, nn.Linear(backbone.width, 1)]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), 5e-4, fused=True)
    labels = torch.randn(batch.num_graphs, 1, device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            loss = (model[1](model[0](batch).graph) - labels).abs().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def difference(name: str, batch: MoleculeBatch, precision: str, toy: bool) -> float:
    """Largest difference of a molecule's features from single precision, of the largest feature."""
    torch.manual_seed(0)
    backbone = (small_backbone(name) if toy else build_backbone(name)).to(batch.positions.device).eval()
    found = []
    for own in ("fp32", precision):
        use(own)
        bf16 = own == "bf16"
        with torch.no_grad(), torch.autocast(batch.positions.device.type, torch.bfloat16, enabled=bf16):
            found.append(backbone(batch).graph.float())
    exact, other = found
    return float((other - exact).abs().max() / exact.abs().max())


def counted(step: Callable[[], None]) -> tuple[float, float]:
    """Operations and bytes of a step."""
    with FlopCounterMode(display=False) as operations:
        step()
    with Traffic() as traffic:
        step()
    return operations.get_total_flops(), traffic.bytes


def encoder_row(name: str, precision: str, options: argparse.Namespace, most: Sequence[float]) -> Measured:
    """A training step of an encoder beside the most operations and bytes a second."""
    batch = molecules(options.molecules, options.device)
    off = difference(name, batch, precision, options.toy)
    use(precision)
    torch.manual_seed(0)
    step = step_of(name, batch, precision, options.toy)
    step()
    done = counted(step)
    times = seconds(step, options.device, options.repeats)
    shares = [[amount / time / limit for time in times] for amount, limit in zip(done, most, strict=True)]
    larger = max(shares, key=sum)
    cells = {
        "steps/s": Spread.of([1 / time for time in times]),
        "molecules/s": Spread.of([options.molecules / time for time in times]),
        "TFlop/s": Spread.of([done[0] / time for time in times], 1e-12),
        "% of products": Spread.of(shares[0], 100),
        "GB/s": Spread.of([done[1] / time for time in times], 1e-9),
        "% of memory": Spread.of(shares[1], 100),
        "% of the roofline": Spread.of(larger, 100),
        "off fp32": off,
        "near enough": off <= PARITY[precision],
    }
    return Measured(f"{name}, {precision}", cells)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    best = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=best)
    parser.add_argument("--molecules", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=20)
    options = options_of(parser, toy={"device": "cpu", "molecules": 4, "repeats": 1})
    if options.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no CUDA device here; try --device cpu")
    tune_allocator()
    memory = bandwidth(options.device, options.toy)
    precisions = [name for name in PRECISIONS if name != "tf32" or options.device == "cuda"]
    peaks = {precision: peak(options.device, precision, options.toy) for precision in precisions}
    on = torch.cuda.get_device_name() if options.device == "cuda" else torch.backends.cpu.get_cpu_capability()
    facts: dict[str, Cell] = {"device": on, "memory_GB/s": memory / 1e9}
    facts |= {f"{precision}_TFlop/s": value / 1e12 for precision, value in peaks.items()}
    rows: list[Measured] = []
    for name in sorted(name for name, backbone in BACKBONES.items() if backbone.inputs == "molecules"):
        for precision in precisions:
            rows.append(encoder_row(name, precision, options, (peaks[precision], memory)))
            print(rows[-1], flush=True)
            # On a device that is lent for minutes, time may be up before the last.
            record(options, rows, **facts)
    report(options, rows, **facts)


if __name__ == "__main__":
    main()
