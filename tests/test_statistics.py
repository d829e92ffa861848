"""Cluster bootstrap: against a literal reference, by identities, and by its coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowmend.evaluation.statistics import ClipBootstrap, Estimate

CLIPS = np.array(["a", "b", "b", "c", "a", "d", "d", "d"])


def _cases(seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.uniform(0.1, 3, len(CLIPS)), random.uniform(0.1, 3, len(CLIPS))


def _literal_draws(clips: np.ndarray, samples: int, seed: int) -> list[list[int]]:
    """Each draw as a list of cases: the drawn clips' cases, a clip drawn twice counting twice."""
    names = sorted(set(clips))
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(samples):
        counts = random.multinomial(len(names), [1 / len(names)] * len(names))
        cases = []
        for name, count in zip(names, counts, strict=True):
            cases += [case for case, clip in enumerate(clips) if clip == name] * int(count)
        draws.append(cases)
    return draws


def _interval(statistics: list[float]) -> tuple[float, float]:
    return float(np.quantile(statistics, 0.025)), float(np.quantile(statistics, 0.975))


class TestAgainstLiteralResampling:
    draws = _literal_draws(CLIPS, 200, seed=5)
    values, baseline = _cases(1)
    bootstrap = ClipBootstrap(CLIPS, 200, seed=5)

    def _check(self, got: Estimate, statistic) -> None:
        everything = list(range(len(CLIPS)))
        expected = (statistic(everything), *_interval([statistic(draw) for draw in self.draws]))
        assert (got.value, got.low, got.high) == pytest.approx(expected, rel=1e-12)

    def test_mean(self) -> None:
        self._check(
            self.bootstrap.mean(self.values),
            lambda cases: sum(self.values[i] for i in cases) / len(cases),
        )

    def test_ratio(self) -> None:
        self._check(
            self.bootstrap.ratio(self.values, self.baseline),
            lambda cases: sum(self.values[i] for i in cases) / sum(self.baseline[i] for i in cases),
        )

    def test_gain(self) -> None:
        self._check(
            self.bootstrap.gain(self.values, self.baseline),
            lambda cases: sum(self.baseline[i] - self.values[i] for i in cases) / len(cases),
        )


class TestIdentities:
    @given(st.integers(0, 1000), st.floats(0.1, 10))
    @settings(max_examples=25, deadline=None)
    def test_a_multiple_of_the_baseline_has_an_interval_without_width(
        self, seed: int, factor: float
    ) -> None:
        _, baseline = _cases(seed)
        got = ClipBootstrap(CLIPS, 100, seed).ratio(factor * baseline, baseline)
        assert (got.value, got.low, got.high) == pytest.approx((factor,) * 3)

    @given(st.integers(0, 1000))
    @settings(max_examples=25, deadline=None)
    def test_gain_is_the_opposite_of_the_reversed_gain(self, seed: int) -> None:
        values, baseline = _cases(seed)
        bootstrap = ClipBootstrap(CLIPS, 100, seed)
        gain, loss = bootstrap.gain(values, baseline), bootstrap.gain(baseline, values)
        assert (gain.value, gain.low, gain.high) == pytest.approx(
            (-loss.value, -loss.high, -loss.low)
        )

    def test_the_seed_alone_decides_the_draws(self) -> None:
        values, _ = _cases(2)
        one = ClipBootstrap(CLIPS, 100, seed=1).mean(values)
        assert one == ClipBootstrap(CLIPS, 100, seed=1).mean(values)
        assert one != ClipBootstrap(CLIPS, 100, seed=2).mean(values)

    def test_the_order_of_the_cases_does_not_matter(self) -> None:
        values, _ = _cases(3)
        order = np.random.default_rng(0).permutation(len(CLIPS))
        shuffled = ClipBootstrap(CLIPS[order], 100, seed=1).mean(values[order])
        straight = ClipBootstrap(CLIPS, 100, seed=1).mean(values)
        assert (shuffled.low, shuffled.high) == pytest.approx((straight.low, straight.high))

    def test_cases_of_one_clip_are_drawn_together(self) -> None:
        """Copies of a case are no new evidence: the interval stays as wide."""
        values = np.random.default_rng(4).normal(size=12)
        single = ClipBootstrap(np.arange(12), 400, seed=1).mean(values)
        copied = ClipBootstrap(np.repeat(np.arange(12), 8), 400, seed=1).mean(np.repeat(values, 8))
        assert (copied.low, copied.high) == pytest.approx((single.low, single.high))


class TestDegenerate:
    def test_one_clip_has_a_value_but_no_interval(self) -> None:
        got = ClipBootstrap(["a", "a"], 100, seed=1).mean([1.0, 3.0])
        assert got.value == 2.0
        assert np.isnan(got.low)
        assert np.isnan(got.high)

    def test_the_ratio_to_a_perfect_baseline_is_not_a_number(self) -> None:
        got = ClipBootstrap(["a", "b"], 100, seed=1).ratio([1.0, 3.0], [0.0, 0.0])
        assert np.isnan([got.value, got.low, got.high]).all()


class TestCoverage:
    """95 % intervals of simulated studies hold the simulation's truth about 95 % of the time.

    40 clips of 4 cases; 400 studies, so that the observed share has a standard error of 1.1 %.
    The percentile interval is known to be a little narrow at 40 clusters.
    """

    truth_mean, truth_ratio = 1.0, 0.8

    def _studies(self):
        random = np.random.default_rng(12)
        clips = np.repeat(np.arange(40), 4)
        for _ in range(400):
            baseline_clip = random.gamma(4, 1 / 4, 40)  # mean 1, shared by a clip's cases
            baseline = np.repeat(baseline_clip, 4) * random.gamma(9, 1 / 9, 160)
            values = self.truth_ratio * np.repeat(baseline_clip, 4) * random.gamma(9, 1 / 9, 160)
            yield clips, values, baseline

    def test_of_the_mean_the_ratio_and_the_gain(self) -> None:
        held = {"mean": 0, "ratio": 0, "gain": 0}
        for clips, values, baseline in self._studies():
            bootstrap = ClipBootstrap(clips, 400, seed=0)
            for name, got, truth in (
                ("mean", bootstrap.mean(baseline), self.truth_mean),
                ("ratio", bootstrap.ratio(values, baseline), self.truth_ratio),
                ("gain", bootstrap.gain(values, baseline), self.truth_mean - self.truth_ratio),
            ):
                held[name] += got.low <= truth <= got.high
        for name, count in held.items():
            assert 0.90 <= count / 400 <= 0.985, (name, count / 400)

    def test_ignoring_the_clips_would_not_cover(self) -> None:
        """The reason for resampling clips: cases as if independent give far too narrow bands."""
        held = 0
        for clips, _, baseline in self._studies():
            got = ClipBootstrap(np.arange(len(clips)), 200, seed=0).mean(baseline)
            held += got.low <= self.truth_mean <= got.high
        assert held / 400 < 0.85
