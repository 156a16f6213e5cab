"""Random views stay films: their range, their sides, their greys; the generator alone decides them."""

import dataclasses

import pytest
import torch

from embedlearn.encoders.augmentation import augment
from embedlearn.encoders.settings import Augmentation
from embedlearn.errors import ArgumentError

STILL = Augmentation(crop=1, rotate=0, contrast=0, gamma=0, blur=0, noise=0, spectrum=0)
SIZE = 32


def view(films, settings=Augmentation(), seed=0):
    return augment(films, settings, torch.Generator().manual_seed(seed))


@pytest.fixture
def films():
    """Twelve random films whose greys stay clear of black and white."""
    return torch.rand(12, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 0.8 + 0.1


def test_the_generator_decides(films):
    assert torch.equal(view(films), view(films))
    assert not torch.equal(view(films), view(films, seed=1))


def test_every_film_and_every_call_gets_its_own_view(films):
    same = films[:1].expand(12, -1, -1, -1)
    generator = torch.Generator().manual_seed(0)
    views = torch.cat([augment(same, Augmentation(), generator), augment(same, Augmentation(), generator)])
    assert len(torch.unique(views, dim=0)) == 24


def test_views_are_films(films):
    strong = Augmentation(crop=0.1, rotate=180, contrast=1, gamma=3, blur=8, noise=1)
    views = view(films, strong)
    assert views.shape == films.shape and views.dtype == films.dtype
    assert views.min() >= 0 and views.max() <= 1


def test_with_nothing_to_change_the_film_comes_back(films):
    torch.testing.assert_close(view(films, STILL), films, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [{"crop": 0.5}, {"rotate": 20}, {"contrast": 0.5}, {"gamma": 0.5}, {"blur": 1.0}, {"noise": 0.1}, {"spectrum": 1}],
    ids=str,
)
def test_each_setting_changes_the_film_by_itself(films, change):
    assert (view(films, dataclasses.replace(STILL, **change)) - films).abs().max() > 0.05


def test_the_left_side_stays_left():
    films = torch.full((200, 1, SIZE, SIZE), 0.2)
    films[..., : SIZE // 2] = 0.8
    views = view(films)
    left, right = views[..., : SIZE // 2].mean((1, 2, 3)), views[..., SIZE // 2 :].mean((1, 2, 3))
    assert (left > right).all()


def test_contrast_changes_around_the_mean_of_the_film(films):
    films = films / 4 + 0.35
    views = view(films, dataclasses.replace(STILL, contrast=0.4))
    slope = views.std((-2, -1)) / films.std((-2, -1))
    assert 0.6 <= slope.min() < 0.9 and 1.1 < slope.max() <= 1.4
    torch.testing.assert_close((views - views.mean((-2, -1), True)) / slope[..., None, None],
                               films - films.mean((-2, -1), True), rtol=0, atol=1e-4)  # fmt: skip
    assert (views.mean((-2, -1)) - films.mean((-2, -1))).abs().max() <= 0.4 / 4 + 1e-5


def test_a_film_of_one_grey_has_views_of_one_grey():
    flat = torch.linspace(0.2, 0.8, 50).view(-1, 1, 1, 1).expand(-1, -1, SIZE, SIZE)
    views = view(flat, dataclasses.replace(Augmentation(), noise=0))
    assert views.std((-2, -1)).max() < 1e-4


def test_a_crop_is_a_window_inside_the_film_of_the_wanted_area_and_aspect():
    """On ramps a view is a ramp, whose slope is the window's side and whose middle is the window's."""
    settings = dataclasses.replace(STILL, crop=0.4)
    ramp = ((torch.arange(SIZE) + 0.5) / SIZE).expand(300, 1, SIZE, SIZE)
    inner = slice(2, SIZE - 2)
    across, down = view(ramp, settings)[:, 0, SIZE // 2, inner], view(ramp.mT, settings)[:, 0, inner, SIZE // 2]
    sides = [(part[:, -1] - part[:, 0]) * SIZE / (len(part[0]) - 1) for part in (across, down)]
    area, aspect = sides[0] * sides[1], sides[0] / sides[1]
    assert 0.4 - 1e-3 < area.min() < 0.45 and 0.9 < area.max() < 1 + 1e-3
    assert 3 / 4 - 1e-3 < aspect.min() < 0.8 and 1.25 < aspect.max() < 4 / 3 + 1e-3
    for part, side in zip((across, down), sides, strict=True):
        middle = (part[:, 0] + part[:, -1]) / 2
        assert (middle - side / 2 > -1e-3).all() and (middle + side / 2 < 1 + 1e-3).all()
        assert middle.std() > 0.05


def test_a_blurred_spot_is_a_gaussian_and_half_of_the_films_stay_sharp():
    films = torch.full((400, 1, SIZE, SIZE), 0.2)
    films[:, :, 16, 16] = 0.8
    spot = (view(films, dataclasses.replace(STILL, blur=1.5)) - 0.2)[:, 0] / 0.6
    torch.testing.assert_close(spot.sum((-2, -1)), torch.ones(400), rtol=0, atol=1e-3)
    torch.testing.assert_close(spot, spot.mT, rtol=0, atol=1e-6)
    peak, near, far = spot[:, 16, 16], spot[:, 16, 17], spot[:, 16, 18]
    torch.testing.assert_close(far / peak, (near / peak) ** 4, rtol=1e-3, atol=1e-5)
    assert 160 < (near < 1e-6).sum() < 240
    sigma = (-0.5 / (near / peak)[near > 1e-6].log()).sqrt()
    assert 1.4 < sigma.max() <= 1.5 + 1e-3


def test_a_mixed_film_keeps_its_phase_and_takes_the_others_amplitudes():
    """At any share of the way amplitudes lie between both films' (in logarithms); black and white are not met."""
    generator = torch.Generator().manual_seed(2)
    films, others = (0.5 + 0.05 * torch.randn(8, 1, SIZE, SIZE, generator=generator) for _ in range(2))
    mixed = augment(films, dataclasses.replace(STILL, spectrum=1), torch.Generator().manual_seed(0), others)
    own, other, new = (torch.fft.rfft2(X) for X in (films, others, mixed))
    assert (new / own).angle().abs().max() < 1e-2
    share = ((new.abs() / own.abs()).log() / (other.abs() / own.abs()).log()).flatten(1)
    middle = share.median(1).values
    assert ((share - middle[:, None]).abs() < 0.05).float().mean() > 0.95
    assert middle.min() >= -1e-3 and middle.max() <= 1 + 1e-3 and middle.std() > 0.1


def test_half_of_the_films_keep_their_spectrum(films):
    many = films[:1].expand(400, -1, -1, -1)
    mixed = view(many, dataclasses.replace(STILL, spectrum=0.5))  # each with itself: nothing to take
    torch.testing.assert_close(mixed, many, rtol=0, atol=1e-5)
    others = films[1:2].expand(400, -1, -1, -1)
    mixed = augment(many, dataclasses.replace(STILL, spectrum=0.5), torch.Generator().manual_seed(0), others)
    changed = (mixed - many).abs().amax((1, 2, 3)) > 1e-4
    assert 160 < changed.sum() < 240


@pytest.mark.parametrize("world", [2, 3])
def test_a_view_does_not_depend_on_how_the_batch_was_divided(films, world):
    settings, others = Augmentation(), films.flip(0)
    whole = augment(films, settings, torch.Generator().manual_seed(0), others)
    for rank in range(world):
        places = torch.arange(12)[rank::world]
        mine = augment(films[places], settings, torch.Generator().manual_seed(0), others[places], places, 12)
        torch.testing.assert_close(mine, whole[places], rtol=0, atol=1e-6)


def test_the_widest_blur_fits_the_smallest_film():
    films = torch.rand(4, 1, 16, 16)
    assert view(films, dataclasses.replace(STILL, blur=8)).shape == films.shape


@pytest.mark.parametrize(("name", "value"), [("crop", 0), ("rotate", 181), ("contrast", 2), ("blur", -1), ("noise", 2)])
def test_a_setting_out_of_range_is_refused(name, value):
    with pytest.raises(ArgumentError, match=f"--{name}: wanted a number from .*, got {value}"):
        Augmentation(**{name: value})
