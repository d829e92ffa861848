"""The least contest: noise must be moved to where another cloud of points lies."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from flowmend.losses.adversarial import ADVERSARIES
from flowmend.training.adversarial import Opponent, train
from flowmend.training.checkpoint import Checkpoint
from flowmend.training.session import Budget, Row, Session

TARGET, STEPS = torch.tensor([1.2, -1.6]), 8
SLOWNESS = 0.2
BALANCE = ["discriminator_loss", "discriminator_accuracy", "true_score", "false_score"]
ROW = {
    name: ["step", "loss", "distance", name, *BALANCE, *penalty, "learning_rate"]
    for name, penalty in (("patchgan", []), ("wgan_gp", ["gradient_penalty"]))
}


@dataclass(frozen=True)
class Draw:
    """Noise for the generator and what is true, (B, 2, 1, 1) each."""

    noise: Tensor
    true: Tensor

    def to(self, device: torch.device | str) -> "Draw":
        return Draw(self.noise.to(device), self.true.to(device))


class Gaussian:
    """A standard normal must be moved to the mean of another one; a discriminator alone says so.

    Attributes:
        asked: steps whose batches were made.
        predicted_from: first number of each batch that was predicted from, and with a gradient?
        judged_on: first number of each batch that the losses looked at.
    """

    def __init__(self, size: int = 32) -> None:
        self.asked: list[int] = []
        self.predicted_from: list[tuple[float, bool]] = []
        self.judged_on: list[float] = []
        self._size = size

    def between(self, first: int, last: int) -> Iterator[Draw]:
        for step in range(first, last):
            self.asked.append(step)
            random = np.random.default_rng([5, step])
            drawn = random.normal(size=(2, self._size, 2, 1, 1)).astype(np.float32)
            yield Draw(
                torch.from_numpy(drawn[0]), TARGET[:, None, None] + torch.from_numpy(drawn[1])
            )

    def predict(self, model: nn.Module, batch: Draw) -> Tensor:
        prediction = model(batch.noise)
        self.predicted_from.append((batch.noise[0, 0].item(), prediction.requires_grad))
        return prediction

    def terms(self, prediction: Tensor, batch: Draw) -> Mapping[str, Tensor]:
        self.judged_on.append(batch.noise[0, 0].item())
        return {"distance": (prediction - batch.true).abs().mean()}

    def seen(self, prediction: Tensor, batch: Draw) -> tuple[Tensor, Tensor]:
        return batch.true, prediction


class Shift(nn.Module):
    """The least generator: noise, moved; more slowly than the other side learns."""

    def __init__(self) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.zeros(2))

    @property
    def mean(self) -> Tensor:
        return SLOWNESS * self.by

    def forward(self, noise: Tensor) -> Tensor:
        return noise + self.mean[:, None, None]


class Judge(nn.Module):
    """(B, 2, 1, 1) to a score each, of the discriminator's shape."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
        self._flat = name == "wgan_gp"

    def forward(self, seen: Tensor) -> Tensor:
        scores = self.layers(seen.flatten(1))
        return scores.squeeze(1) if self._flat else scores[..., None, None]


def opponent(name: str, steps: int) -> Opponent:
    torch.manual_seed(1)
    return Opponent(name, Judge(name), ADVERSARIES[name], steps, seed=3)


@dataclass
class Run:
    """One training and what came of it."""

    problem: Gaussian
    generator: Shift
    opponent: Opponent
    rows: list[Row]


def run(
    name: str,
    folder: Path,
    steps: int = STEPS,
    rounds: int = 1,
    rate: float = 0.02,
    weights: Mapping[str, float] | None = None,
    on_step: Callable[[int, Row], None] | None = None,
) -> Run:
    problem, generator, other_side = Gaussian(), Shift(), opponent(name, rounds)
    session = Session(Budget(steps, rate), Checkpoint(folder / "c.pt", "x"), on_step=on_step)
    fabric = Fabric(accelerator="cpu", devices=1)
    given = {name: 1.0} if weights is None else weights
    rows = train(generator, problem, given, other_side, session, fabric)
    return Run(problem, generator, other_side, rows)


def weights_of(network: nn.Module) -> dict[str, bytes]:
    return {name: t.detach().numpy().tobytes() for name, t in network.state_dict().items()}
