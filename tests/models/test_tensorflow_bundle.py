"""Reading TensorFlow's variable bundles: right values from whole files, clear words about damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli_models.importers.tensorflow_bundle import BundleError, TensorFlowBundle, masked_crc32c
from tests.models import model_checks as checks
from tests.models.originals.bundle_writer import write_bundle

VARIABLES = {
    "model/variables/0": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "model/variables/1": np.array([1.5, -2.5], np.float32),
    "model/variables/10": np.array(7, np.int64),
    "other": np.linspace(0, 1, 300).reshape(3, 100),
    "step": np.arange(3, dtype=np.int32),
    "half": np.array([0.5], np.float16),
}


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    prefix = tmp_path / "saved" / "variables" / "variables"
    write_bundle(prefix, VARIABLES)
    return prefix


def index_of(prefix: Path) -> Path:
    return prefix.with_name("variables.index")


def data_of(prefix: Path) -> Path:
    return prefix.with_name("variables.data-00000-of-00001")


def damage(file: Path, position: int, bits: int = 0x01) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= bits
    file.write_bytes(content)


def assert_holds_all(bundle: TensorFlowBundle) -> None:
    assert set(bundle.entries) == set(VARIABLES)
    for name, expected in VARIABLES.items():
        read = bundle.read(name)
        assert read.dtype == expected.dtype
        np.testing.assert_array_equal(read, expected)


def test_checksum_is_that_of_the_standard() -> None:
    """CRC-32C of "123456789" is E3069283; masking rotates it right by 15 bits and adds A282EAD8."""
    crc = 0xE3069283
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(b"123456789") == masked


@pytest.mark.parametrize("place", ["saved", "saved/variables", "saved/variables/variables", ".index"])
def test_each_way_to_name_a_bundle(prefix: Path, tmp_path: Path, place: str) -> None:
    assert_holds_all(TensorFlowBundle(index_of(prefix) if place == ".index" else tmp_path / place))


def test_an_index_of_several_blocks(tmp_path: Path) -> None:
    write_bundle(tmp_path / "variables", VARIABLES, entries_in_block=2)
    assert_holds_all(TensorFlowBundle(tmp_path))


def test_no_bundle_there(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no variable bundle"):
        TensorFlowBundle(tmp_path)
    with pytest.raises(BundleError, match="no variable bundle"):
        TensorFlowBundle(tmp_path / "absent")


def test_a_variable_that_is_not_there(prefix: Path) -> None:
    with pytest.raises(BundleError, match="no variable 'weights' among 6"):
        TensorFlowBundle(prefix).read("weights")


def test_a_file_that_is_no_index(prefix: Path) -> None:
    index_of(prefix).write_bytes(b"PK" * 100)
    with pytest.raises(BundleError, match="magic number missing"):
        TensorFlowBundle(prefix)


def test_an_empty_index(prefix: Path) -> None:
    index_of(prefix).write_bytes(b"")
    with pytest.raises(BundleError, match="magic number missing"):
        TensorFlowBundle(prefix)


@pytest.mark.parametrize("kept", [10, 47, 60, 200])
def test_an_index_cut_at_its_end(prefix: Path, kept: int) -> None:
    index_of(prefix).write_bytes(index_of(prefix).read_bytes()[:kept])
    with pytest.raises(BundleError, match="magic number missing"):
        TensorFlowBundle(prefix)


def test_an_index_cut_at_its_beginning(prefix: Path) -> None:
    index_of(prefix).write_bytes(index_of(prefix).read_bytes()[-60:])
    with pytest.raises(BundleError, match="the index is shorter than its table says"):
        TensorFlowBundle(prefix)


def test_every_flipped_byte_of_an_index_is_noticed(prefix: Path) -> None:
    """Each byte that counts: all but the metaindex block and the padding of the footer."""
    whole = index_of(prefix).read_bytes()
    unnoticed = []
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        index_of(prefix).write_bytes(damaged)
        try:
            bundle = TensorFlowBundle(prefix)
            assert_holds_all(bundle)
            unnoticed.append(position)
        except BundleError:
            pass
    metaindex = 8 + 5
    footer_padding = 40
    assert len(unnoticed) < metaindex + footer_padding


def test_a_compressed_block_is_refused(prefix: Path) -> None:
    content = index_of(prefix).read_bytes()
    metaindex_trailer = content.index(b"\0\0\0\0\1\0\0\0\0") + 8
    damage(index_of(prefix), metaindex_trailer)
    with pytest.raises(BundleError, match="compression type 1, expected 0"):
        TensorFlowBundle(prefix)


@pytest.mark.parametrize("name", ["model/variables/0", "other"])
def test_a_flipped_byte_of_the_values(prefix: Path, name: str) -> None:
    bundle = TensorFlowBundle(prefix)
    damage(data_of(prefix), bundle.entries[name].offset + 2, 0x80)
    with pytest.raises(BundleError, match=f"the bytes of variable '{name}' do not match their checksum"):
        bundle.read(name)


def test_a_data_file_that_is_missing(prefix: Path) -> None:
    data_of(prefix).unlink()
    bundle = TensorFlowBundle(prefix)
    assert bundle.data_files() == [data_of(prefix)]
    with pytest.raises(BundleError, match=r"variables\.data-00000-of-00001: cannot be read"):
        bundle.read("other")


def test_a_data_file_that_is_cut(prefix: Path) -> None:
    data_of(prefix).write_bytes(data_of(prefix).read_bytes()[:200])
    with pytest.raises(BundleError, match="has 71 bytes, expected 2400"):
        TensorFlowBundle(prefix).read("other")


@pytest.mark.skipif(checks.BACKEND != "tensorflow", reason="compares with TensorFlow's own reader and writer")
def test_tensorflow_reads_what_the_test_writes(prefix: Path) -> None:
    import tensorflow

    reader = tensorflow.train.load_checkpoint(str(prefix))
    for name, expected in VARIABLES.items():
        np.testing.assert_array_equal(reader.get_tensor(f"{name}/.ATTRIBUTES/VARIABLE_VALUE"), expected)


@pytest.mark.skipif(checks.BACKEND != "tensorflow", reason="compares with TensorFlow's own reader and writer")
def test_reads_what_tensorflow_writes(tmp_path: Path) -> None:
    import tensorflow

    generator = np.random.default_rng(1)
    variables = {
        # Long names and many entries, so that the table has several restart points.
        f"local_appearance/variables/{number}": generator.normal(size=(3, 3, number + 1)).astype(np.float32)
        for number in range(100)
    }
    tensorflow.raw_ops.SaveV2(
        prefix=str(tmp_path / "variables"),
        tensor_names=list(variables),
        shape_and_slices=[""] * len(variables),
        tensors=list(variables.values()),
    )
    bundle = TensorFlowBundle(tmp_path)
    assert set(bundle.entries) == set(variables)
    for name, expected in variables.items():
        np.testing.assert_array_equal(bundle.read(name), expected)
