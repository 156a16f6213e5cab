"""The four convolutions of the Siamese DeepCovid19."""

from torch import nn

# Of each convolution its channels, the side of its kernels, and the zeros above and to the left of a film. A kernel of
# even side leans to one side; the last leans against the others, so that cells stay within a quarter of their places.
KERNELS = ((64, 10, 4), (128, 7, 3), (128, 4, 1), (256, 4, 2))


class DeepCovid19(nn.Sequential):
    """The convolutions of the Siamese network of Koch (2015, section 3.1), with batch normalisation as DeepCovid19 has.

    Maps float [B, 1, S, S] to [B, 256, S/8, S/8]: ReLU behind each convolution, and max pooling by 2 behind each but
    the last. What follows the flattened map there, a dense layer of 50 million weights or more at 512 pixels, is not
    here: an encoder's linear layer on the pooled map takes its place, so that films of any size can be read and a map
    of a similarity adds up. That cells may lie evenly over the film, convolutions are padded by zeros.
    """

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        channels = 1
        for width, side, before in KERNELS:
            if layers:
                layers.append(nn.MaxPool2d(2))
            after = side - 1 - before
            layers += [
                nn.ZeroPad2d((before, after, before, after)),
                nn.Conv2d(channels, width, side, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels = width
        super().__init__(*layers)
