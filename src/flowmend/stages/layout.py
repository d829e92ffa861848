"""Where the pipeline's files lie. The same paths stand in ``dvc.yaml``."""

from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "test")
SHARDS = (0, 1, 2, 3)
EDGE_SOURCES = ("segmentation", "flow", "image")
FILLS = ("smooth", "biharmonic")
EDGE_FILL = "smooth"  # closes a hole before known edges are looked for


@dataclass(frozen=True)
class Layout:
    """Paths of one scale, relative to the project's folder."""

    scale: str

    @property
    def artifacts(self) -> Path:
        """Everything the DAG makes but the report."""
        return Path("artifacts") / self.scale

    @property
    def reports(self) -> Path:
        """Tables, figures and the report page."""
        return Path("reports") / self.scale

    @property
    def scratch(self) -> Path:
        """Checkpoints and caches; undeclared, safe to delete."""
        return Path("artifacts") / ".scratch"

    @property
    def logs(self) -> Path:
        """Timings and timestamps; undeclared."""
        return Path("artifacts") / ".logs" / self.scale

    @property
    def index(self) -> Path:
        """What the raw data are: names, sizes, hashes, clips and their shards."""
        return self.artifacts / "index.json"

    def sequences(self, split: str, shard: int) -> Path:
        """Frames, masks and true flow in the DAVIS layout, one zip a shard."""
        return self.artifacts / split / "sequences" / f"{shard}.zip"

    def flow(self, split: str, shard: int) -> Path:
        """Flow archive: keys ``<clip>/forward/<t>`` and ``<clip>/backward/<t>``."""
        return self.artifacts / split / "flow" / f"{shard}.zip"

    def holes(self, split: str, shard: int) -> Path:
        """Hole maps, one a clip and shape."""
        return self.artifacts / split / "holes" / f"{shard}.npz"

    def fills(self, split: str, shard: int) -> Path:
        """Initial fills, values inside the holes only."""
        return self.artifacts / split / "fills" / f"{shard}.npz"

    def edges(self, split: str, shard: int) -> Path:
        """Edge maps of each source."""
        return self.artifacts / split / "edges" / f"{shard}.npz"

    def model(self, experiment: str) -> Path:
        """Folder of one experiment's weights and curves."""
        return self.artifacts / "models" / experiment

    def weights(self, experiment: str, seed: int) -> Path:
        """Weights of one seed (safetensors)."""
        return self.model(experiment) / f"seed-{seed}.safetensors"

    def curves(self, experiment: str, seed: int) -> Path:
        """Training curves of one seed, one row a step."""
        return self.model(experiment) / f"seed-{seed}.curves.csv"

    @property
    def results(self) -> Path:
        """One row per method or experiment, seed, setup, clip, hole and direction."""
        return self.reports / "results.csv"

    @property
    def summary(self) -> Path:
        """Means, ratios and intervals."""
        return self.reports / "summary.csv"

    @property
    def tasks(self) -> Path:
        """What was measured beside the error of mended flow: edges, round trips, warping."""
        return self.reports / "tasks.csv"

    def figure(self, name: str) -> Path:
        """The PNG of one figure; ``.prov.json`` lies beside it."""
        return self.reports / "figures" / f"{name}.png"

    @property
    def report(self) -> Path:
        """The self-contained page."""
        return self.reports / "report.html"
