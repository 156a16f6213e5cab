"""A small residual-dense network, made to be trained from scratch on a CPU."""

import torch
from torch import Tensor, nn


class ResidualDenseBlock(nn.Module):
    """Densely connected 3x3 convolutions, fused by a 1x1 and added to the input (Zhang 2018, eq. 3-5).

    Maps float [B, channels, H, W] to the same shape.
    """

    def __init__(self, channels: int, growth: int, layers: int = 3) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels + index * growth, growth, 3, padding=1, bias=False),
                nn.BatchNorm2d(growth),
                nn.ReLU(inplace=True),
            )
            for index in range(layers)
        )
        self.fuse = nn.Sequential(
            nn.Conv2d(channels + layers * growth, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        grown = [x]
        for layer in self.layers:
            grown.append(layer(torch.cat(grown, 1)))
        return torch.relu(x + self.fuse(torch.cat(grown, 1)))


class ResDense(nn.Sequential):
    """A strided stem and four residual-dense stages; float [B, 1, S, S] to [B, 256, S/16, S/16]."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        stages: list[nn.Module] = [_down(1, widths[0], kernel=5)]
        for index, width in enumerate(widths):
            if index:
                stages.append(_down(widths[index - 1], width, kernel=3))
            stages.append(ResidualDenseBlock(width, growth=width // 4))
        super().__init__(*stages)


def _down(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
