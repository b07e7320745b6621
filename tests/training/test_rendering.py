"""Scans rendered on the training device: as the generator makes them, the same for the same seed, and learnt from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flarecli.phantom import options_for, procedural_anatomy
from flarecli.phantom.acquisition import Acquisition, acquire, draw_textures, field_of_view, tissue_hu
from flarecli.phantom.patient import Patient, centred_grid, draw_patient
from flarecli.training.data import SyntheticData
from flarecli.training.preview import preview_samples
from flarecli.training.recipe import FirstStageSettings
from flarecli.training.samples.anatomies import Anatomies
from flarecli.training.samples.rendering.appearance import ScanAppearance, draw_appearance
from flarecli.training.samples.rendering.patients import PatientSample, PatientStream, labels_of_parts
from flarecli.training.samples.rendering.pose import draw_pose
from flarecli.training.targets import Target
from flarecli.training.views import CropView, FirstStageGrid
from tests.training import small

torch = pytest.importorskip("torch", reason="PyTorch renders, and is not installed")

pytestmark = pytest.mark.skipif(
    small.BACKEND != "torch", reason="PyTorch renders, whatever Keras runs on: once is enough"
)

SPACING_MM = 6.0


def random_numbers(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def patient() -> Patient:
    rng = np.random.default_rng(5)
    options = options_for("wide")
    grid = centred_grid((56, 56, 68), (SPACING_MM,) * 3)
    return draw_patient(rng, grid, procedural_anatomy(rng, options), options)


def with_acquisition(appearance: ScanAppearance, **changes: object) -> ScanAppearance:
    return replace(appearance, acquisition=replace(appearance.acquisition, **changes))


@pytest.mark.parametrize("seed", range(3))
def test_a_rendered_scan_is_what_the_generator_makes_of_the_patient(patient: Patient, seed: int) -> None:
    from flarecli.training.samples.rendering.renderer import rendered

    rng = np.random.default_rng(seed)
    appearance = draw_appearance(rng, patient, options_for("wide", noise_hu=(8, 20)))
    hu, seen = rendered(torch.as_tensor(patient.parts[None]), [appearance], SPACING_MM, random_numbers())
    textures = draw_textures(rng)
    made = acquire(tissue_hu(patient.parts, appearance.intensities, textures, patient.grid), patient.grid,
                   appearance.acquisition, rng)  # fmt: skip
    is_visible = np.broadcast_to(field_of_view(patient.grid, appearance.acquisition), patient.parts.shape)
    np.testing.assert_array_equal(np.broadcast_to(seen[0].numpy(), patient.parts.shape), is_visible)
    compared = 0
    for number, part in enumerate(patient.palette.parts):
        inside = is_visible & (patient.parts == number)
        if inside.sum() < 1500 or appearance.intensities.mottled_hu[number]:
            continue
        ours, theirs = hu[0].numpy()[inside], made[inside]
        spread = 6 * appearance.intensities.coarse_hu[number] / 10 + theirs.std() / np.sqrt(inside.sum()) * 6
        assert ours.mean() == pytest.approx(theirs.mean(), abs=2 + spread), part
        assert ours.std() == pytest.approx(theirs.std(), rel=0.12, abs=2), part
        compared += 1
    assert compared >= 6


def test_blur_and_noise_are_as_strong_as_the_acquisition_says(patient: Patient) -> None:
    from flarecli.training.samples.rendering.renderer import rendered

    appearance = draw_appearance(np.random.default_rng(0), patient, options_for("realistic"))
    plain = Acquisition(0.0, 0.5, (0.0, 0.0, 0.0), 0.0, (0.0, 1.0), None)
    appearances = [replace(appearance, acquisition=a) for a in (
        plain, replace(plain, noise_hu=20.0), replace(plain, blur_mm=(0.0, 9.0, 9.0)), replace(plain, offset_hu=7.0),
    )]  # fmt: skip
    parts = torch.as_tensor(np.zeros((4, 30, 40, 50), np.uint8))
    parts[:, :, 20:, :] = 1
    none = np.zeros(256, np.float32)
    flat = replace(appearance.intensities, mean_hu=none.copy(), fine_hu=none, coarse_hu=none, mottled_hu=none)
    flat.mean_hu[1] = 100.0
    hu, _ = rendered(parts, [replace(e, intensities=flat) for e in appearances], 3.0, random_numbers())
    sharp, noisy, soft, shifted = hu.numpy()
    assert set(np.unique(sharp)) == {0.0, 100.0}
    middle = (noisy - sharp)[:, 15:25, 20:30].std()
    assert middle == pytest.approx(20 * (0.6 + 0.55), rel=0.1)
    assert soft[5, 17:23, 20].tolist() == pytest.approx([20.2, 30.9, 43.4, 56.6, 69.1, 79.8], abs=1)
    np.testing.assert_allclose(shifted, sharp + 7, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.7, 1.4, 2.0, 4.7])
def test_smooth_fields_have_unit_spread_and_the_width_asked_for(sigma: float) -> None:
    from flarecli.training.samples.rendering.fields import smooth_field

    field = smooth_field((4, 50, 60, 70), (sigma,) * 3, random_numbers())
    assert field.shape == (4, 50, 60, 70)
    assert float(field.std()) == pytest.approx(1, abs=0.08)
    step = max(1, round(sigma))
    for axis in (1, 2, 3):
        size = field.shape[axis] - step
        likeness = float((field.narrow(axis, 0, size) * field.narrow(axis, step, size)).mean() / field.var())
        assert likeness == pytest.approx(np.exp(-((step / sigma) ** 2) / 4), abs=0.12)


def test_postures_move_a_patient_about_the_middle() -> None:
    from flarecli.training.samples.rendering.pose import posed

    rng = np.random.default_rng(2)
    parts = torch.as_tensor(rng.integers(0, 255, (2, 12, 12, 12)), dtype=torch.uint8)
    quarter = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    same, turned = posed(parts, np.stack([np.eye(3), quarter])).numpy()
    np.testing.assert_array_equal(same, parts[0].numpy())
    # What was at (y, x) = (-b, a) from the middle is seen at (a, b).
    np.testing.assert_array_equal(turned, np.rot90(parts[1].numpy(), -1, (1, 2)))
    ball = (np.square(np.indices((40, 40, 40)) - 19.5).sum(0) < 100).astype(np.uint8)
    larger = posed(torch.as_tensor(ball[None]), np.diag([1 / 1.2, 1.0, 1.0])[None])
    assert int(larger.sum()) == pytest.approx(1.2 * int(ball.sum()), rel=0.03)


@pytest.mark.parametrize("seed", range(8))
def test_a_crop_lies_where_the_organ_is_after_the_posture_has_changed(seed: int) -> None:
    from flarecli.training.samples.rendering.pose import posed

    rng = np.random.default_rng(seed)
    labels = np.zeros((48, 56, 64), np.uint8)
    corner = [n - 14 if end else 10 for n, end in zip(labels.shape, rng.random(3) < 0.5, strict=True)]
    labels[tuple(slice(first, first + 4) for first in corner)] = 1
    pose = draw_pose(rng, 20.0, 0.1)
    view, shape = CropView((8, 8, 8), organ_share=1.0), (8, 8, 8)
    seen = posed(torch.as_tensor(labels[None]), pose[None])[0].numpy()
    for _ in range(20):
        start = view.drawn_start(labels, shape, rng, pose)
        crop = seen[tuple(slice(first, first + size) for first, size in zip(start, shape, strict=True))]
        assert crop.any()


def test_postures_are_drawn_within_their_limits() -> None:
    rng = np.random.default_rng(3)
    poses = [draw_pose(rng, 8.0, 0.06) for _ in range(200)]
    sizes = np.array([1 / np.linalg.norm(pose, axis=0) for pose in poses])
    assert np.abs(np.log(sizes)).max() <= 0.12 + 1e-9
    assert np.log(sizes).std() == pytest.approx(0.06, rel=0.2)
    np.testing.assert_array_equal(draw_pose(rng, 0.0, 0.0), np.eye(3))


def stream(seed: int = 1) -> PatientStream:
    made = SyntheticData(small.rendered_recipe(), Anatomies("phantoms")).stream(seed)
    assert isinstance(made, PatientStream)
    return made


def equal(first: PatientSample, second: PatientSample) -> bool:
    places = (first.start_zyx, first.shape_zyx) == (second.start_zyx, second.shape_zyx)
    return places and np.array_equal(first.parts, second.parts) and np.array_equal(first.pose, second.pose)


def test_samples_depend_on_seed_and_number_alone() -> None:
    one, other = stream(), stream()
    in_order = [one.sample(number) for number in range(8)]
    for number in (7, 2, 5):
        assert equal(other.sample(number), in_order[number])
    assert not equal(stream(seed=2).sample(0), in_order[0])
    assert len(one._patients) <= (3 - 1) * 2 + 1


def test_samples_of_a_batch_have_one_shape_and_patients_are_scanned_anew() -> None:
    made = stream()
    samples = [made.sample(number) for number in range(24)]
    shapes = [sample.shape_zyx for sample in samples]
    assert shapes[::2] == shapes[1::2]
    assert len(set(shapes)) == 2
    uses = [s for n, s in enumerate(samples) if made.schedule.scan_of(n) == 4]
    assert len(uses) == 3
    assert all(np.array_equal(uses[0].parts, use.parts) for use in uses)
    assert len({float(use.appearance.intensities.mean_hu.sum()) for use in uses}) == 3
    assert len({float(use.pose[0, 0]) for use in uses}) == 3


def test_batches_are_the_same_every_time_and_hold_image_and_labels() -> None:
    from flarecli.training.samples.rendering.batches import RenderedBatchBuilder

    recipe = small.rendered_recipe()
    assert isinstance(recipe.view, CropView)
    samples = [stream().sample(number) for number in range(2)]
    builders = [RenderedBatchBuilder(recipe.view, 16.0, seed, "cpu") for seed in (1, 1, 2)]
    (images, values), again, otherwise = (builder.batch(samples) for builder in builders)
    assert images.shape == values.shape == (2, 1, *samples[0].shape_zyx)
    assert values.dtype == torch.uint8
    assert torch.equal(images, again[0])
    assert torch.equal(values, again[1])
    assert not torch.equal(images, otherwise[0])
    assert (values > 0).any(dim=(1, 2, 3, 4)).all()
    low, high = recipe.view.intensity.limits
    assert low <= float(images.min()) <= float(images.max()) <= high


def test_labels_end_where_the_field_of_view_does() -> None:
    from flarecli.training.samples.rendering.batches import RenderedBatchBuilder

    view = CropView((20, 20, 24), multiple=1)
    sample = replace(stream().sample(0), start_zyx=(0, 0, 0), shape_zyx=(20, 20, 24), pose=np.eye(3))
    cut = with_acquisition(sample.appearance, cut_z=(0.5, 1.0), circle_mm=None, noise_hu=0.0)
    whole = with_acquisition(cut, cut_z=(0.0, 1.0))
    builder = RenderedBatchBuilder(view, 16.0, 1, "cpu")
    (image, values), (_, all_values) = (builder.batch([replace(sample, appearance=e)]) for e in (cut, whole))
    expected = sample.values[sample.parts]
    np.testing.assert_array_equal(all_values[0, 0].numpy(), expected)
    assert not values[0, 0, :10].any()
    np.testing.assert_array_equal(values[0, 0, 10:].numpy(), expected[10:])
    assert float(image[0, 0, :10].max()) < -0.4


def test_surroundings_come_after_the_organs_where_they_are_told_apart(patient: Patient) -> None:
    labels, kinds = patient.palette.labels(), patient.palette.surroundings()
    apart = labels_of_parts(patient, with_surroundings=True)
    np.testing.assert_array_equal(apart[labels > 0], labels[labels > 0])
    np.testing.assert_array_equal(apart[kinds > 0], kinds[kinds > 0] + 4)
    np.testing.assert_array_equal(labels_of_parts(patient, with_surroundings=False), labels)


@pytest.mark.parametrize("target", ["any_organ", "classes", "organs", "classes_and_surroundings"])
def test_samples_hold_values_of_the_target_alone(target: str) -> None:
    recipe = small.rendered_recipe(target=target)
    sample = SyntheticData(recipe, Anatomies("phantoms")).stream(1).sample(0)
    assert set(np.unique(sample.values)) <= {0, *Target(target).values}
    assert sample.values.max() == max(Target(target).values)


@pytest.mark.parametrize(("spacing_mm", "padded"), [(32.0, (16, 16, 16)), (22.0, (16, 16, 24))])
def test_a_first_stage_sees_the_whole_scan_and_its_scores_lie_where_the_scan_does(
    spacing_mm: float, padded: tuple[int, int, int]
) -> None:
    from flarecli.training.samples.rendering.batches import RenderedBatchBuilder

    grid = FirstStageGrid(spacing_mm=spacing_mm, multiple=8)
    view = CropView((20, 20, 24), multiple=1, first_stage=grid)
    seen = []

    def network(images: torch.Tensor, training: bool) -> torch.Tensor:
        seen.append(images)
        return torch.cat([images * 0, images * 100, images * 0], dim=1)

    settings = FirstStageSettings("locate", with_background=False)
    builder = RenderedBatchBuilder(view, 16.0, 1, "cpu", network, settings)
    sample = replace(stream().sample(0), start_zyx=(0, 0, 0), shape_zyx=(20, 20, 24))
    images, _ = builder.batch([sample])
    assert images.shape == (1, 3, 20, 20, 24)
    assert seen[0].shape == (1, 1, *padded)
    scores, plain = images[0, 1].numpy() / 100, images[0, 0].numpy()
    assert not images[0, 2].any()
    # What the first stage makes of the scan is the scan, on fewer voxels.
    assert np.corrcoef(scores.ravel(), plain.ravel())[0, 1] > 0.9
    lost = RenderedBatchBuilder(view, 16.0, 1, "cpu", network, replace(settings, lost_share=1.0)).batch([sample])[0]
    assert not lost[0, 1].any() or not lost[0, 2].any()


def test_the_preview_shows_rendered_scans() -> None:
    samples = list(preview_samples(SyntheticData(small.rendered_recipe(), Anatomies("phantoms")), 1, count=2))
    assert [sample.image.shape[1:] for sample in samples] == [sample.labels.shape for sample in samples]
    assert all(sample.labels.any() for sample in samples)
