"""FlowNet2 and its siblings: published tensors, sizes, both directions, wiring of the stack."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from flowmend.errors import InputError
from flowmend.estimators.flownet2 import NETWORKS, FlowNet2, FlowNet2C, FlowNet2S, PairNetwork
from flowmend.estimators.flownet2.correlation import correlation
from flowmend.estimators.flownet2.pair_network import normalised
from flowmend.estimators.flownet2.stack_inputs import fusion_inputs, next_inputs

COUNTS = {  # tensors, parameters
    "flownet2": (220, 162_518_834),
    "flownet2_s": (42, 38_676_506),
    "flownet2_c": (48, 39_175_298),
    "flownet2_cs": (90, 77_870_620),
    "flownet2_css": (132, 116_565_942),
    "flownet2_sd": (60, 45_371_666),
}
TENSORS = {
    "flownet2": {
        "flownetc.conv1.0.weight": (64, 3, 7, 7),
        "flownetc.conv_redir.0.weight": (32, 256, 1, 1),
        "flownetc.conv3_1.0.weight": (256, 473, 3, 3),
        "flownetc.upsampled_flow6_to_5.bias": (2,),
        "flownets_1.conv1.0.weight": (64, 12, 7, 7),
        "flownets_2.conv6_1.0.bias": (1024,),
        "flownets_2.deconv4.0.weight": (1026, 256, 4, 4),
        "flownets_2.predict_flow2.weight": (2, 194, 3, 3),
        "flownets_d.conv0.0.weight": (64, 6, 3, 3),
        "flownets_d.conv1_1.0.weight": (128, 64, 3, 3),
        "flownets_d.inter_conv3.0.weight": (128, 386, 3, 3),
        "flownets_d.predict_flow5.weight": (2, 512, 3, 3),
        "flownets_d.upsampled_flow3_to_2.bias": (2,),
        "flownetfusion.conv0.0.weight": (64, 11, 3, 3),
        "flownetfusion.deconv0.0.weight": (162, 16, 4, 4),
        "flownetfusion.inter_conv0.0.weight": (16, 82, 3, 3),
        "flownetfusion.upsampled_flow1_to_0.weight": (2, 2, 4, 4),
        "flownetfusion.predict_flow0.bias": (2,),
    },
    "flownet2_s": {"conv1.0.weight": (64, 6, 7, 7), "predict_flow6.weight": (2, 1024, 3, 3)},
    "flownet2_c": {"conv3_1.0.weight": (256, 473, 3, 3), "upsampled_flow3_to_2.bias": (2,)},
    "flownet2_cs": {"flownets_1.conv1.0.weight": (64, 12, 7, 7)},
    "flownet2_css": {"flownets_2.conv1.0.weight": (64, 12, 7, 7)},
    "flownet2_sd": {"conv0.0.weight": (64, 6, 3, 3), "inter_conv2.0.bias": (64,)},
}


def _empty(name: str) -> nn.Module:
    """Names and shapes without memory."""
    with torch.device("meta"):
        return NETWORKS[name]()


def _pair(height: int, width: int, batch: int = 1) -> Tensor:
    """Two smooth frames that differ, RGB 0-255."""
    random = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch * 6, 1, 9, 9, generator=random)
    frames = F.interpolate(coarse, (height, width), mode="bilinear", align_corners=True)
    return 255 * frames.view(batch, 3, 2, height, width)


@pytest.fixture(scope="module", params=[FlowNet2S, FlowNet2C])
def network(request: pytest.FixtureRequest) -> PairNetwork:
    """A small one, its weights drawn so that the flow is of some px and depends on the frames."""
    torch.manual_seed(0)
    made = request.param().requires_grad_(False)
    for name, tensor in made.named_parameters():
        if name.endswith("weight"):
            nn.init.kaiming_normal_(tensor, a=0.1)
    return made


class TestPublishedTensors:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_counts_and_names(self, name: str) -> None:
        tensors = _empty(name).state_dict()
        assert (len(tensors), sum(t.numel() for t in tensors.values())) == COUNTS[name]
        assert {key: tuple(tensors[key].shape) for key in TENSORS[name]} == TENSORS[name]

    def test_simple_networks_upsample_flow_without_bias(self) -> None:
        names = [key for key in _empty("flownet2").state_dict() if "upsampled_flow" in key]
        assert len(names) == 2 * 4 + 4 + 4 + 8 + 4
        biased = {key.split(".")[0] for key in names if key.endswith("bias")}
        assert biased == {"flownetc", "flownets_d", "flownetfusion"}

    @pytest.mark.parametrize("name", ["flownet2_s", "flownet2_c"])
    def test_a_state_dict_of_the_right_shapes_loads_strictly(self, name: str) -> None:
        shapes = {key: t.shape for key, t in _empty(name).state_dict().items()}
        made = {key: torch.full(shape, i / 1000) for i, (key, shape) in enumerate(shapes.items())}
        network = _empty(name)
        network.load_state_dict(made, strict=True, assign=True)
        for i, (key, tensor) in enumerate(network.state_dict().items()):
            assert (tensor == torch.tensor(i / 1000)).all(), key

    def test_other_networks_tensors_do_not_load(self) -> None:
        with pytest.raises(RuntimeError, match="Missing key"):
            _empty("flownet2_c").load_state_dict(_empty("flownet2_s").state_dict())


class TestFrames:
    def test_normalised_by_the_mean_of_both_frames(self) -> None:
        pair = _pair(64, 70, 2).double()
        pair[1] += 100
        frames = normalised(pair)
        for n in range(2):
            for c in range(3):
                mean = pair[n, c].mean()
                torch.testing.assert_close(frames[n, c], (pair[n, c, 0] - mean) / 255)
                torch.testing.assert_close(frames[2 + n, c], (pair[n, c, 1] - mean) / 255)

    @pytest.mark.parametrize("size", [(63, 64), (64, 10)])
    def test_small_frames_are_refused_in_one_line(self, size: tuple[int, int]) -> None:
        with pytest.raises(InputError, match=r"cannot match frames of \d+×\d+ px; give.*64 px"):
            _empty("flownet2_s")(torch.zeros(1, 3, 2, *size))

    @pytest.mark.parametrize("shape", [(1, 2, 3, 64, 64), (3, 2, 64, 64)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="a pair of frames"):
            _empty("flownet2_s").both(torch.zeros(shape))

    @pytest.mark.parametrize(("size", "inside"), [((64, 128), (64, 128)), ((65, 100), (128, 128))])
    def test_flow_is_scaled_back_with_the_frame(
        self, size: tuple[int, int], inside: tuple[int, int]
    ) -> None:
        class Linear(PairNetwork):
            """A camera's motion, linear in the position, in the resized frame's px."""

            def estimate(self, frames: Tensor, directions: int) -> Tensor:
                assert frames.shape[-2:] == inside
                y, x = (torch.arange(side) + 0.5 for side in inside)
                motion = torch.stack((0.1 * x.expand(inside), 0.2 * y[:, None].expand(inside)))
                return motion.expand(len(frames) * directions // 2, 2, *inside)

        flow = Linear()(torch.zeros(1, 3, 2, *size))[0]
        y, x = (torch.arange(side) + 0.5 for side in size)
        # Where a frame is enlarged, its outermost pixel centres are not inside the others.
        middle = (slice(1, -1), slice(1, -1))
        torch.testing.assert_close(flow[0][middle], (0.1 * x).expand(size)[middle])
        torch.testing.assert_close(flow[1][middle], (0.2 * y[:, None]).expand(size)[middle])


class TestFlow:
    @pytest.mark.parametrize("size", [(64, 64), (66, 100)])
    def test_both_is_two_calls(self, network: PairNetwork, size: tuple[int, int]) -> None:
        pair = _pair(*size, batch=2)
        forward, backward = network.both(pair)
        assert forward.shape == backward.shape == (2, 2, *size)
        torch.testing.assert_close(forward, network(pair), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(backward, network(pair.flip(2)), atol=1e-4, rtol=1e-4)
        assert (forward - backward).abs().max() > 0.1

    def test_pairs_of_a_batch_do_not_meet(self, network: PairNetwork) -> None:
        pair = _pair(64, 64, batch=2)
        alone = network(pair[1:])
        torch.testing.assert_close(network(pair)[1:], alone, atol=1e-4, rtol=1e-4)
        assert (network(pair)[:1] - alone).abs().max() > 0.1

    def test_autocast_stays_near(self, network: PairNetwork) -> None:
        pair = _pair(64, 64)
        exact = network(pair)
        with torch.autocast("cpu", torch.bfloat16):
            found = network(pair)
        assert found.dtype == torch.float32
        assert 0 < (found - exact).abs().max() < 0.05 * exact.abs().max()

    def test_layers_are_joined_in_the_published_order(self, network: PairNetwork) -> None:
        """Contracting maps come first, and at level 3 from conv3_1; comparisons come last."""
        seen: dict[str, tuple[Tensor, Tensor]] = {}
        hooks = [
            module.register_forward_hook(
                lambda _, inputs, out, name=name: seen.__setitem__(name, (inputs[0].clone(), out))
            )
            for name, module in network.named_children()
        ]
        pair = _pair(64, 64)
        network(pair)
        for hook in hooks:
            hook.remove()
        inputs = {name: given for name, (given, _) in seen.items()}
        for level, name, channels in ((2, "conv2", 128), (3, "conv3_1", 256), (4, "conv4_1", 512)):
            skipped = inputs[f"predict_flow{level}"][:, :channels]
            torch.testing.assert_close(skipped, seen[name][1][:1])
        if isinstance(network, FlowNet2C):
            first, second = seen["conv3"][1]
            compared = F.leaky_relu(correlation(first[None], second[None]), 0.1)
            torch.testing.assert_close(inputs["conv_redir"], first[None])
            torch.testing.assert_close(inputs["conv3_1"][:, :32], seen["conv_redir"][1])
            torch.testing.assert_close(inputs["conv3_1"][:, 32:], compared)
        else:
            torch.testing.assert_close(inputs["conv1"], torch.cat(normalised(pair).split(1), 1))

    def test_every_tensor_learns(self) -> None:
        network = FlowNet2C()
        network(_pair(64, 64)).square().mean().backward()
        for name, tensor in network.named_parameters():
            assert tensor.grad is not None, name
            assert tensor.grad.isfinite().all(), name


class TestStack:
    """FlowNet2's wiring: each part replaced by one that notes its inputs and gives known flow."""

    def test_every_part_sees_what_it_was_trained_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stack, seen = _empty("flownet2"), {}
        coarse = dict(zip(("c", "s1", "s2", "sd"), torch.randn(4, 1, 2, 16, 16), strict=True))

        def part(name: str) -> Callable[..., Tensor]:
            def flow(inputs: Tensor, directions: int = 1) -> Tensor:
                seen[name] = inputs
                return coarse[name]

            return flow

        assert isinstance(stack, FlowNet2)
        modules = (stack.flownetc, stack.flownets_1, stack.flownets_2, stack.flownets_d)
        for name, module in zip(coarse, modules, strict=True):
            monkeypatch.setattr(module, "coarse_flow", part(name))
        monkeypatch.setattr(stack.flownetfusion, "forward", lambda inputs: inputs)
        pair = _pair(64, 64)
        fused = stack(pair)
        first, second = normalised(pair).split(1)
        up = nn.Upsample(scale_factor=4, mode="bilinear", align_corners=False)
        large, small = 20 * coarse["s2"], coarse["sd"] / 20
        large, small = (f.repeat_interleave(4, 2).repeat_interleave(4, 3) for f in (large, small))
        expected = {
            "c": torch.cat((first, second)),
            "s1": next_inputs(first, second, up(20 * coarse["c"])),
            "s2": next_inputs(first, second, up(20 * coarse["s1"])),
            "sd": torch.cat((first, second), 1),
        }
        for name, inputs in expected.items():
            torch.testing.assert_close(seen[name], inputs, msg=lambda m, n=name: f"{n}: {m}")
        torch.testing.assert_close(fused, fusion_inputs(first, second, small, large))

    @pytest.mark.parametrize("name", ["flownet2_cs", "flownet2_css", "flownet2_sd"])
    def test_shapes(self, name: str) -> None:
        network = _empty(name)
        flows = network.both(torch.zeros(2, 3, 2, 70, 90, device="meta"))
        assert [flow.shape for flow in flows] == [(2, 2, 70, 90)] * 2
