"""What a training writes where the file system takes no more, and where a run may lie."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest

from flarecli.errors import FlareError, OutputError, UsageError
from flarecli.files.atomic import scratch_folder
from flarecli.files.room import reserve_room
from flarecli.files.unfinished import PREFIX
from flarecli.training.learning.checkpoint import checkpoints, save_checkpoint
from flarecli.training.learning.log import CsvLog, TensorBoardLog, read_rows
from flarecli.training.learning.run_folder import check_place
from flarecli.weights.card import Card
from flarecli.weights.release import release_weights


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files of this process may not grow beyond `size` bytes, as with `ulimit -f`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Rows:
    """A model of one large variable."""

    def __init__(self) -> None:
        self.variables = [keras.Variable(np.ones((300, 300), np.float32))]
        self.optimizer = type("Optimizer", (), {"variables": []})()


def test_the_log_of_losses_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    with largest_file(100_000), pytest.raises(OutputError, match=r"losses\.csv: cannot be written.*ulimit") as error:
        fill(path)
    assert error.value.exit_code == 3
    assert len(read_rows(path)) > 1000  # what was written before stays, the row that was cut off does not count


def fill(path: Path) -> None:
    with CsvLog(path, ("loss",), 0) as log:
        for iteration in range(1, 100_000):
            log.write(iteration, (1 / iteration,))


def test_a_log_that_cannot_be_closed_does_not_hide_what_ended_the_run(tmp_path: Path) -> None:
    with largest_file(100), pytest.raises(FlareError, match="diverged"):
        diverge(tmp_path / "losses.csv")


def diverge(path: Path) -> None:
    with CsvLog(path, ("loss",), 0) as log:
        for iteration in range(1, 100):
            log.write(iteration, (0.5,))
        raise FlareError("the training diverged", remedy="Start anew.")


def test_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    model = Rows()
    save_checkpoint(tmp_path, model, 1, {})
    with largest_file(100_000), pytest.raises(OutputError, match=r"step_00000002\.npz: cannot be written"):
        save_checkpoint(tmp_path, model, 2, {})
    assert [path.name for path in checkpoints(tmp_path)] == ["step_00000001.npz"]
    assert not list(tmp_path.glob(f"{PREFIX}*"))


def test_released_weights_are_there_with_their_card_or_not_at_all(tmp_path: Path) -> None:
    import h5py

    trained = tmp_path / "trained.h5"
    with h5py.File(trained, "w") as file:
        file["kernel"] = np.random.default_rng(0).random((400, 400), np.float32)
    card = Card("flarelite", "locate", "", "", "", "", "", "")
    with largest_file(50_000), pytest.raises(OutputError, match=r"locate\.weights\.h5: cannot be written"):
        release_weights(trained, tmp_path / "run", card)
    assert list((tmp_path / "run").iterdir()) == []
    assert release_weights(trained, tmp_path / "run", card).stat().st_size > 50_000


def test_room_is_made_sure_of_and_given_back(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    reserve_room(path, 100_000)
    assert path.read_bytes() == b""
    with largest_file(50_000), pytest.raises(OSError, match="too large"):
        reserve_room(path, 100_000)
    assert path.stat().st_size == 0


def test_events_for_tensorboard_end_the_run_instead_of_waiting(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    with largest_file(20_000), pytest.raises(OutputError, match="tensorboard: cannot be written"):
        fill_events(tmp_path / "tensorboard")


def fill_events(folder: Path) -> None:
    with TensorBoardLog(folder, 0) as board:
        for iteration in range(5000):
            board.write(iteration, {"loss": 0.5})


def test_events_are_what_tensorboard_reads(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    with TensorBoardLog(tmp_path, 4) as board:
        board.write(5, {"loss": 0.5, "validation/liver": 0.25})
    content, events = next(tmp_path.iterdir()).read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        assert int.from_bytes(content[8:12], "little") == masked_crc32c(content[:8])
        events.append(Event.FromString(content[12 : 12 + length]))
        content = content[16 + length :]
    assert events[1].step == 5
    assert events[1].session_log.status == 1
    values = {(event.step, value.tag): value.simple_value for event in events for value in event.summary.value}
    assert values == {(5, "loss"): 0.5, (5, "validation/liver"): 0.25}


def test_a_scratch_folder_leaves_nothing(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as scratch:
        (scratch / "file").touch()
        assert scratch.parent == tmp_path
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="gone: cannot be written"), scratch_folder(tmp_path / "gone"):
        pass


@pytest.mark.parametrize("inside", ["", "run", "a/b"])
def test_a_run_does_not_lie_in_what_it_reads(inside: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    link = tmp_path / "link"
    link.symlink_to(cache)
    for source in (cache, link):
        with pytest.raises(UsageError, match="among the files that it reads"):
            check_place(cache / inside, source)
    check_place(tmp_path / "run", cache)
