"""Foreign checkpoints are read as data or refused in one line; what is kept is what was added."""

import json
import os
import pickle
import struct
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from flowmend.errors import InputError
from flowmend.io import weights
from flowmend.io.foreign_checkpoint import read_checkpoint, verify
from published_weights import TinyFlow, keep, tensors_of

FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
TENSORS = tensors_of(TinyFlow)
SHAPES = weights.shapes_of(TinyFlow)


def _saved(path: Path, content: object, zipped: bool = True) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def _refused(path: Path) -> str:
    with pytest.raises(InputError) as refused:
        read_checkpoint(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


class TestReadCheckpoint:
    @FORMATS
    @pytest.mark.parametrize("nested", [True, False])
    def test_tensors_come_back(self, tmp_path: Path, zipped: bool, nested: bool) -> None:
        published = {"epoch": 0, "best_EPE": np.float64(1.5), "state_dict": OrderedDict(TENSORS)}
        content = published if nested else OrderedDict(TENSORS)
        found = read_checkpoint(_saved(tmp_path / "a.pth.tar", content, zipped))
        assert found.keys() == TENSORS.keys()
        assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)

    @FORMATS
    def test_parameters_and_single_precision_numbers(self, tmp_path: Path, zipped: bool) -> None:
        parameter = torch.nn.Parameter(torch.ones(3))
        content = {"best_EPE": np.float32(2), "state_dict": {"a": parameter}}
        found = read_checkpoint(_saved(tmp_path / "a.pth", content, zipped))["a"]
        assert torch.equal(found, torch.ones(3))
        assert not found.requires_grad

    def test_a_number_that_python_2_wrote(self, tmp_path: Path) -> None:
        """Byte strings, and NumPy's modules by their names of those days."""
        number = struct.pack("<d", 1.7e-300)  # its bytes are neither ASCII nor UTF-8
        scalar = (
            b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02f8K\x00K\x01tR"
            b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb" + b"U\x08" + number + b"tR"
        )
        path = _saved(tmp_path / "a.pth", {"best_EPE": None, "state_dict": TENSORS}, zipped=False)
        data = path.read_bytes()
        entry = b"X\x08\x00\x00\x00best_EPEq"
        place = data.index(entry) + len(entry) + 1
        assert data[place : place + 1] == b"N"
        path.write_bytes(data[:place] + scalar + data[place + 1 :])
        assert read_checkpoint(path).keys() == TENSORS.keys()

    @FORMATS
    def test_objects_are_never_made(self, tmp_path: Path, zipped: bool) -> None:
        class Trap:
            def __reduce__(self) -> tuple:
                return os.mkdir, (str(tmp_path / "sprung"),)

        message = _refused(_saved(tmp_path / "a.pth", {"state_dict": {"a": Trap()}}, zipped))
        assert "holds Python objects (posix.mkdir), which are never run" in message
        assert not (tmp_path / "sprung").exists()

    @FORMATS
    def test_a_whole_network_is_no_state_dict(self, tmp_path: Path, zipped: bool) -> None:
        message = _refused(_saved(tmp_path / "a.pth", torch.nn.Conv2d(1, 1, 1), zipped))
        assert "holds Python objects (torch.nn.modules.conv.Conv2d)" in message

    def test_a_plain_pickle_of_an_object(self, tmp_path: Path) -> None:
        (tmp_path / "a.pth").write_bytes(pickle.dumps(np.random.default_rng(0)))
        _refused(tmp_path / "a.pth")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ({"state_dict": {"a": 1.0}}, "entry 'a' is a float and no tensor"),
            ({"state_dict": {3: torch.ones(1)}}, "entry 3 is a Tensor and no tensor"),
            ({"state_dict": {}}, "holds no tensors by name"),
            ([torch.ones(1)], "holds no tensors by name"),
            (torch.ones(1), "holds no tensors by name"),
        ],
    )
    def test_other_content(self, tmp_path: Path, content: object, message: str) -> None:
        assert message in _refused(_saved(tmp_path / "a.pth", content))

    @FORMATS
    def test_a_truncated_file(self, tmp_path: Path, zipped: bool) -> None:
        path = _saved(tmp_path / "a.pth", {"state_dict": TENSORS}, zipped)
        data = path.read_bytes()
        for size in range(0, len(data) - 1, 23):
            path.write_bytes(data[:size])
            message = _refused(path)
            if (
                zipped or size > len(data) // 2
            ):  # of the old format's header half a name may be left
                assert "is truncated, damaged or no PyTorch checkpoint; fetch" in message

    @settings(max_examples=60, deadline=None)
    @given(place=st.integers(0, 10**6), byte=st.integers(0, 255), zipped=st.booleans())
    def test_a_damaged_file_is_read_or_refused(
        self, tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, zipped: bool
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "damaged.pth"
        data = bytearray(_saved(path, {"state_dict": TENSORS}, zipped).read_bytes())
        data[place % len(data)] = byte
        path.write_bytes(data)
        with suppress(InputError):  # and nothing else
            assert read_checkpoint(path)

    def test_a_web_page_a_folder_and_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "page").write_text("<!DOCTYPE html>")
        assert "is a web page" in _refused(tmp_path / "page")
        assert "cannot be read (No such file" in _refused(tmp_path / "none")
        (tmp_path / "folder").mkdir()
        assert "cannot be read (Is a directory)" in _refused(tmp_path / "folder")


class TestVerify:
    def test_the_networks_own(self) -> None:
        verify(TENSORS, SHAPES, "file")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda t: t.pop("second.bias"), "misses tensor second.bias; give the file"),
            (lambda t: (t.pop("first.bias"), t.pop("second.bias")), "first.bias (and 1 more); "),
            (lambda t: t.update(z=torch.ones(1)), "has tensor z, which the network has not; "),
            (
                lambda t: t.update({"first.bias": torch.ones(4, 1)}),
                "has tensor first.bias of another shape than the network's; ",
            ),
            (
                lambda t: t.update({"first.bias": torch.ones(4, dtype=torch.int64)}),
                "has tensor first.bias without finite numbers; ",
            ),
            (lambda t: t["first.bias"].fill_(torch.nan), "first.bias without finite numbers; "),
        ],
    )
    def test_others(self, change, message: str) -> None:
        tensors = {name: tensor.clone() for name, tensor in TENSORS.items()}
        change(tensors)
        with pytest.raises(InputError) as refused:
            verify(tensors, SHAPES, "file")
        assert message in str(refused.value)


class TestKeptWeights:
    def test_come_back_and_make_the_same_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "flownet2.safetensors"
        for _ in range(2):
            halves = {name: tensor.double() for name, tensor in reversed(TENSORS.items())}
            weights.write_weights(path, halves, {"source_sha256": "0"})
            found = weights.read_weights(path, SHAPES)
            assert all(torch.equal(found[name], TENSORS[name]) for name in TENSORS)
            record = (path.read_bytes(), path.with_suffix(".json").read_bytes())
        keep(TinyFlow, path)
        assert path.read_bytes() == record[0]
        facts = json.loads(record[1])
        assert (facts["tensors"], facts["parameters"]) == (4, 6 * 4 * 9 + 4 + 4 * 2 + 2)

    def test_missing_weights_say_who_publishes_them(self, tmp_path: Path) -> None:
        for name, url in weights.PUBLISHED.items():
            path = tmp_path / f"{name}.safetensors"
            with pytest.raises(InputError) as refused:
                weights.read_weights(path, SHAPES)
            assert str(refused.value) == (
                f"{path}: is missing: its authors publish it, see {url}; "
                f"fetch it and run `flowmend weights add {name} FILE`"
            )

    def test_another_file_in_its_place(self, tmp_path: Path) -> None:
        path = tmp_path / "hed.safetensors"
        keep(TinyFlow, path)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        with pytest.raises(
            InputError, match=r"is not what hed\.json records \(sha256\); run `flow"
        ):
            weights.read_weights(path, SHAPES)

    def test_without_or_with_a_damaged_record(self, tmp_path: Path) -> None:
        path = tmp_path / "hed.safetensors"
        keep(TinyFlow, path)
        for text, message in (("{", "is damaged"), ("[]", "is damaged"), (None, "nothing vouches")):
            record = path.with_suffix(".json")
            record.unlink() if text is None else record.write_text(text)
            with pytest.raises(InputError, match=rf"hed\.json: .*{message}"):
                weights.read_weights(path, SHAPES)

    def test_what_is_no_safetensors_file(self, tmp_path: Path) -> None:
        path = tmp_path / "hed.safetensors"
        path.write_bytes(b"none of that")
        record = {"safetensors_sha256": weights.sha256_of(path)}
        path.with_suffix(".json").write_text(json.dumps(record))
        with pytest.raises(InputError, match="is not a safetensors file"):
            weights.read_weights(path, SHAPES)

    def test_weights_of_another_network(self, tmp_path: Path) -> None:
        path = tmp_path / "hed.safetensors"
        save_file({"x": torch.ones(1)}, path)
        record = {"safetensors_sha256": weights.sha256_of(path)}
        path.with_suffix(".json").write_text(json.dumps(record))
        with pytest.raises(InputError, match=r"misses tensor first\.weight \(and 3 more\)"):
            weights.read_weights(path, SHAPES)

    def test_a_network_is_loaded_for_use(self, tmp_path: Path) -> None:
        path = tmp_path / "own.safetensors"
        tensors = keep(TinyFlow, path)
        network = weights.load_network(TinyFlow, "flownet2", path)
        assert not network.training
        for name, parameter in network.named_parameters():
            assert torch.equal(parameter, tensors[name])
            assert not parameter.requires_grad
