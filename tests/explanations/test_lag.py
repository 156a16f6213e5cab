"""Where the cells of networks look is known by arithmetic, and their maps lie there."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.devices import seeded
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.lag import ASKED, _phantoms, kept_sight, measure_lag, sight_of
from embedlearn.explanations.methods import METHODS
from embedlearn.explanations.overlay import painted
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

SETTINGS = Preprocessing(size=48)


def blur(kernel: int = 3, stride: int = 2, padding: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, kernel, stride, padding, bias=False)
    nn.init.constant_(layer.weight, 1 / kernel**2)
    return layer


def ending_in(*layers: nn.Module, channels: int = 1) -> Encoder:
    """An encoder with such a backbone."""
    encoder = Encoder(Architecture(dimension=8))
    encoder.backbone = nn.Sequential(*layers)
    encoder.projection = nn.Linear(channels, channels, bias=False)
    nn.init.eye_(encoder.projection.weight)
    return encoder.eval()


class Moved(nn.Module):
    """Films moved down and to the right by so many pixels."""

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.pixels = pixels

    def forward(self, films: Tensor) -> Tensor:
        return films.roll((self.pixels, self.pixels), (-2, -1))


KNOWN = {
    "one pixel a cell": ([blur(1, 1, 0)], 0),
    "average of 2 x 2": ([blur(1, 1, 0), nn.AvgPool2d(2)], 0),
    "patches of 8": ([blur(8, 8, 0)], 0),
    "3 x 3 by 2": ([blur()], 0.25),  # rows 2i - 1 to 2i + 1, whose middle is 2i + 0.5 and not 2i + 1
    "7 x 7 by 2": ([blur(7, 2, 3)], 0.25),
    "3 x 3 by 2, twice": ([blur(), blur()], 0.375),
    "3 x 3 by 2, four times": ([blur() for _ in range(4)], 0.47),
    "3 x 3 by 2, then by 1": ([blur(), blur(3, 1, 1)], 0.25),
    "4 x 4 by 2": ([blur(4, 2, 1)], 0),
    "padded above and left alone": ([nn.ZeroPad2d((2, 0, 2, 0)), blur(3, 2, 0)], 0.75),
    "padded below and right alone": ([nn.ZeroPad2d((0, 2, 0, 2)), blur(3, 2, 0)], -0.25),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_lag_is_what_kernels_strides_and_padding_say(name: str) -> None:
    layers, lag = KNOWN[name]
    assert measure_lag(ending_in(*layers), SETTINGS) == pytest.approx(lag, abs=0.0051)


@pytest.mark.parametrize("pixels", [-3, 2, 4])
def test_films_that_are_moved_before_they_are_read_move_the_cells(pixels: int) -> None:
    moved = measure_lag(ending_in(Moved(pixels), blur(8, 8, 0)), SETTINGS)
    assert moved == pytest.approx(pixels / 8, abs=0.0051)


def test_the_lag_is_that_of_differences_taken_pixel_by_pixel() -> None:
    """A network that is not linear, whose energy is asked again with each pixel a little lighter and darker."""
    with seeded(5):
        encoder = ending_in(
            nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.ReLU(), channels=6
        ).double()  # fmt: skip
    settings = Preprocessing(size=16)
    lags = []
    for number, film in enumerate(_phantoms(settings, 3).double()):
        row, column = 1 + ASKED[number][0], 1 + ASKED[number][1]
        nudge = 1e-4 * torch.eye(256, dtype=torch.float64).reshape(256, 1, 16, 16)
        with torch.no_grad():
            more, less = (encoder.backbone(film + sign * nudge)[:, :, row, column].square().sum(1) for sign in (1, -1))
        weight = ((more - less) ** 2).reshape(16, 16)
        places = torch.arange(16) + 0.5
        for along, cell in ((weight.sum(1), row), (weight.sum(0), column)):
            lags.append(cell + 0.5 - float((along * places).sum() / along.sum()) / 4)
    assert len(lags) == 64
    assert measure_lag(encoder, settings, seed=3) == pytest.approx(np.mean(lags), abs=0.0051)


def test_what_sees_nothing_or_has_one_cell_has_no_lag() -> None:
    dead = ending_in(blur())
    nn.init.zeros_(dead.backbone[0].weight)
    assert measure_lag(dead, SETTINGS) == 0
    assert measure_lag(ending_in(blur(7, 48, 3)), SETTINGS) == 0


def test_our_own_encoder_lags_and_is_left_as_it_was() -> None:
    encoder = Encoder(Architecture()).train()
    encoder.backbone[0].eval()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    modes = [layer.training for layer in encoder.modules()]
    torch.manual_seed(3)
    state = torch.get_rng_state()
    with torch.no_grad():
        lags = [measure_lag(encoder, Preprocessing(), seed=seed) for seed in (0, 0, 1)]
        assert not torch.is_grad_enabled()
    assert lags[0] == lags[1] and lags[2] == pytest.approx(lags[0], abs=0.1)
    assert 0.35 < lags[0] < 0.55
    assert sight_of(encoder, Preprocessing()) == Sight(Preprocessing(), lags[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert [layer.training for layer in encoder.modules()] == modes
    assert all(parameter.grad is None and parameter.requires_grad for parameter in encoder.parameters())
    assert all(value.equal(before[name]) for name, value in encoder.state_dict().items())
    assert not any(layer._forward_hooks or layer._backward_hooks for layer in encoder.modules())


@pytest.mark.parametrize(("row", "column"), [(1, 3), (2, 2), (4, 1)])
def test_the_overlay_is_brightest_on_a_bright_square_and_was_not_without_the_lag(row: int, column: int) -> None:
    """Four strides of 2: a cell of 16 pixels looks around 16 i + 0.5. The film is cropped and 2.5 times as large."""
    encoder, settings = ending_in(*(blur() for _ in range(4))), Preprocessing(size=96)
    top, left = (int(2.5 * 16 * cell + offset) - 12 for cell, offset in ((row, 0), (column, 30)))
    film = np.full((240, 300), 128, np.uint8)
    film[top : top + 25, left : left + 25] = 255
    inputs = (torch.from_numpy(preprocess(film, settings)).float()[None, None] / 255 - 0.5) / 0.25
    values = METHODS["exact"](encoder, inputs, torch.ones(1, 1))[0].numpy()
    assert np.unravel_index(values.argmax(), values.shape) == (row, column)
    found = []
    for sight in (sight_of(encoder, settings), Sight(settings)):
        pixels = painted(film, values, sight, float(values.max())).astype(int)
        orange = pixels[..., 0] - pixels[..., 2]
        down, across = np.argwhere(orange == orange.max()).mean(0)
        found.append(top <= down < top + 25 and left <= across < left + 25)
    assert found == [True, False]


def test_a_lag_is_kept_and_belongs_to_its_encoder(tmp_path, monkeypatch):
    encoder, preprocessing = Encoder(Architecture(dimension=8)), Preprocessing(size=32)
    saved = SavedEncoder(encoder, preprocessing, torch.zeros(8), "a" * 64)
    sight = kept_sight(saved, tmp_path)
    assert sight == sight_of(encoder, preprocessing)
    monkeypatch.setattr("embedlearn.explanations.lag.measure_lag", lambda *_, **__: 0.25)
    assert kept_sight(saved, tmp_path) == sight  # nothing is measured again
    other = SavedEncoder(encoder, preprocessing, torch.zeros(8), "b" * 64)
    assert kept_sight(other, tmp_path).lag == 0.25
    (tmp_path / "lag.json").write_text("{")
    assert kept_sight(saved, tmp_path).lag == 0.25
    assert kept_sight(saved, tmp_path / "no" / "such" / "folder").lag == 0.25
