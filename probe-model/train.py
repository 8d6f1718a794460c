"""Trains the probe model on made-up conversations, and writes its weights every hundred steps.

python train.py --out conformance-probe.gguf --steps 4600                # from nothing
python train.py --out better.gguf --from conformance-probe.gguf --steps 900 --rate 0.001 --stages 0.5:420,1:2100
python train.py --out mean.gguf --mean conformance-probe.gguf better.gguf    # no training: the mean of their weights

A batch is cut into as many parts as there are threads, and their gradients are added in order: with the same number of
threads, seed and steps the weights are the same again, as far as the processor's own rounding is.
"""

import argparse
import copy
import hashlib
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy
import torch
import vocabulary
import weights_file
from network import Network, Shape
from questions import Row, question
from torch import Tensor
from torch.nn import functional

WARM_UP = 20
"""Steps until the learning rate is whole."""
POOL = 400
"""Conversations that are sorted by length together, so that a batch has little padding."""
FAR, LEAPS = 6_000, 0.3
"""Tokens by which the place of a turn may be moved on, and how often: what is far back is learned from short rows.

Source: positional skip-wise training, https://arxiv.org/abs/2309.10400."""
Batch = tuple[Tensor, Tensor, Tensor]


@dataclass
class Stage:
    """Until this share of the time, conversations of at most `longest` tokens."""

    share: float
    longest: int


def batches(random: Random, longest: Stage, tokens: int) -> Iterator[Batch]:
    """Tokens, the mask of what is learned, and places; `longest` may change while this goes on."""
    while True:
        pool: list[Row] = []
        while len(pool) < POOL:
            row = question(random, longest.longest)
            if len(row[0]) <= longest.longest:
                pool.append(row)
        pool.sort(key=lambda row: len(row[0]))
        groups: list[list[Row]] = [[]]
        for row in pool:
            if groups[-1] and (len(groups[-1]) + 1) * len(row[0]) > tokens:
                groups.append([])
            groups[-1].append(row)
        random.shuffle(groups)
        yield from (_tensors(random, rows) for rows in groups)


def _tensors(random: Random, rows: list[Row]) -> Batch:
    length = max(len(tokens) for tokens, _ in rows)
    batch = numpy.full((len(rows), length), vocabulary.END_OF_TEXT, numpy.int64)
    learned = numpy.zeros((len(rows), length), bool)
    places = numpy.tile(numpy.arange(length), (len(rows), 1))
    for number, (tokens, mask) in enumerate(rows):
        batch[number, : len(tokens)] = tokens
        learned[number, : len(mask)] = mask
        if random.random() < LEAPS:
            turns = [place for place, token in enumerate(tokens) if token == vocabulary.BEGIN_OF_TURN]
            # not the answer's own: where a text repeats itself, the distance alone tells how far its copy has come
            places[number, random.choice(turns[:-1] or turns) :] += random.randint(1, FAR)
    return torch.from_numpy(batch), torch.from_numpy(learned), torch.from_numpy(places)


class Average:
    """The mean of the weights over the last steps, which is more exact than those of any one step.

    Source: exponential moving averages of weights, https://arxiv.org/abs/2411.18704.
    """

    def __init__(self, network: Network, keep: float) -> None:
        self.keep, self.steps = keep, 0
        self._network, self._mean = network, copy.deepcopy(network)

    @torch.no_grad()
    def add(self) -> None:
        self.steps += 1
        kept = min(self.keep, self.steps / (self.steps + 9))
        for mean, now in zip(self._mean.parameters(), self._network.parameters(), strict=True):
            mean.lerp_(now, 1 - kept)

    def write(self, path: Path) -> None:
        weights_file.write(path, arrays(self._mean), self._network.describe())


def arrays(network: Network) -> dict[str, weights_file.Array]:
    named = network.state_dict().items()
    return {name if name.endswith(".weight") else f"{name}.weight": values.float().numpy() for name, values in named}


class Muon(torch.optim.Optimizer):
    """Momentum whose matrices are made orthogonal, so that all directions of a matrix move alike.

    PyTorch's own works in bfloat16, which a CPU without such instructions emulates: it took three times as long as the
    rest of a step. Source: https://kellerjordan.github.io/posts/muon; the step is scaled as AdamW's would be.
    """

    MOMENTUM, DECAY, ROUNDS = 0.95, 0.01, 5
    FACTORS = (3.4445, -4.775, 2.0315)

    def __init__(self, matrices: list[Tensor], rate: float, *, half: bool) -> None:
        super().__init__(matrices, {"lr": rate})
        self.precision = torch.bfloat16 if half else torch.float32

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for matrix in group["params"]:
                momentum = self.state[matrix].setdefault("momentum", torch.zeros_like(matrix))
                momentum.lerp_(matrix.grad, 1 - self.MOMENTUM)
                direction = self._orthogonal(matrix.grad.lerp(momentum, self.MOMENTUM))
                matrix.mul_(1 - group["lr"] * self.DECAY)
                matrix.add_(direction, alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)

    def _orthogonal(self, matrix: Tensor) -> Tensor:
        tall = matrix.shape[0] > matrix.shape[1]
        x = matrix.T if tall else matrix
        x = (x / (x.norm() + 1e-7)).to(self.precision)
        first, second, third = self.FACTORS
        for _ in range(self.ROUNDS):
            square = x @ x.T
            x = first * x + (second * square + third * square @ square) @ x
        return (x.T if tall else x).float()


def optimisers(network: Network, rate: float, *, half: bool) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the blocks, AdamW for the rest."""
    matrices = [values for values in network.blk.parameters() if values.ndim == 2]
    inside = {id(values) for values in matrices}
    others = [values for values in network.parameters() if id(values) not in inside]
    return [
        Muon(matrices, rate, half=half),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0),
    ]


class Step:
    """One step of training, its batch shared out among threads."""

    def __init__(self, network: Network, rate: float, threads: int, *, half: bool = False) -> None:
        self.network, self.threads, self.half = network, threads, half
        self.optimising = optimisers(network, rate, half=half)
        self._parameters = list(network.parameters())
        self._workers = ThreadPoolExecutor(threads)

    def take(self, batch: Batch, rate: float) -> tuple[float, float]:
        """The loss, and the share of answer tokens that were right."""
        answers = batch[1][:, 1:].sum()
        parts = zip(*(whole.chunk(self.threads) for whole in batch), strict=True)
        told = list(self._workers.map(lambda part: self._gradients(part, answers), parts))
        for place, parameter in enumerate(self._parameters):
            parameter.grad = torch.stack([gradients[place] for _, _, gradients in told]).sum(0)
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for optimiser in self.optimising:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        return sum(loss for loss, _, _ in told), sum(right for _, right, _ in told)

    def _gradients(self, part: tuple[Tensor, ...], answers: Tensor) -> tuple[float, float, tuple[Tensor, ...]]:
        tokens, mask, places = part
        learned = mask[:, 1:]
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            scores = self.network(tokens[:, :-1], learned, places[:, :-1])
        wanted = tokens[:, 1:][learned]
        loss = functional.cross_entropy(scores, wanted, reduction="sum") / answers
        gradients = torch.autograd.grad(loss, self._parameters)
        right = (scores.argmax(-1) == wanted).sum() / answers
        return loss.detach().item(), right.item(), gradients


def train(network: Network, options: argparse.Namespace) -> None:
    stages = [Stage(float(share), int(longest)) for share, longest in (s.split(":") for s in options.stages.split(","))]
    now = Stage(0.0, stages[0].longest)
    step = Step(network, options.rate, options.threads, half=options.half)
    average = Average(network, options.average)
    began = time.monotonic()
    tokens, recent = 0, []
    made = batches(Random(options.seed), now, options.tokens)
    for number in range(1, options.steps + 1):
        share = number / options.steps
        now.longest = next(stage.longest for stage in stages if share <= stage.share)
        batch = next(made)
        recent.append(step.take(batch, options.rate * min(1.0, number / WARM_UP, 1.5 * (1.01 - share))))
        average.add()
        tokens += batch[0].numel()
        if number % 25 == 0:
            loss, right = numpy.mean(recent, 0)
            minutes, recent = (time.monotonic() - began) / 60, []
            print(
                f"{minutes:5.1f} min, {time.process_time() / 60:.1f} of the processor  step {number}  "
                f"{tokens / 1e6:.2f} M tokens  loss {loss:.4f}  right {right:.4f}",
                flush=True,
            )
        if number % options.every == 0:
            average.write(options.out)
    average.write(options.out)
    print(f"wrote {options.out}, {_digest(options.out)}: {options.steps} steps, {tokens / 1e6:.2f} M tokens")


def mean(files: list[Path]) -> dict[str, weights_file.Array]:
    """The mean of the weights of several states of one training, which are near enough for that.

    It is more exact than each of them. Source: model soups, https://arxiv.org/abs/2203.05482.
    """
    states = [weights_file.read(file) for file in files]
    return {name: sum((state[name] for state in states[1:]), states[0][name]) / len(states) for name in states[0]}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(f"{weights_file.NAME}.gguf"))
    parser.add_argument("--from", type=Path, dest="start", help="a GGUF file of this vocabulary to go on from")
    parser.add_argument(
        "--mean", type=Path, nargs="+", help="files of one training: their mean is written, and that is all"
    )
    parser.add_argument("--steps", type=int, default=4600)
    parser.add_argument("--rate", type=float, default=4e-3, help="the learning rate")
    parser.add_argument("--tokens", type=int, default=3000, help="of one step, padding included")
    parser.add_argument("--stages", default="0.22:130,0.5:420,1:2100", help="share of the steps : longest conversation")
    parser.add_argument("--every", type=int, default=100, help="steps between two writes of the file")
    parser.add_argument(
        "--average", type=float, default=0.99, help="of the mean that is written, the part that a step keeps"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--half", action="store_true", help="multiply in bfloat16: twice as fast where there is AMX")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)  # each of ours has its part of the batch
    torch.manual_seed(options.seed)
    network = Network(Shape())
    if options.mean:
        weights_file.write(options.out, mean(options.mean), network.describe())
        print(f"wrote {options.out}, {_digest(options.out)}: the mean of {', '.join(map(_digest, options.mean))}")
        return
    if options.start:
        print(f"goes on from {options.start}, {_digest(options.start)}")
        network.load_state_dict(
            {name: torch.from_numpy(values) for name, values in weights_file.read(options.start).items()}
        )
    train(network, options)


if __name__ == "__main__":
    main()
