"""What is trained: the encoder, and what only training needs."""

from collections.abc import Sequence

from torch import Tensor, nn

from embedlearn.encoders.encoder import Encoder


class TrainingNetwork(nn.Module):
    """The encoder with what only training needs: a small network that instance discrimination looks through.

    Behind it, telling films apart does not have to undo what the label term asks of the embedding (Chen 2020,
    section 4.2). Maps inputs [B, 1, S, S] to embeddings [B, D] and views of them [B, D], all of length 1.
    """

    def __init__(self, encoder: Encoder, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.instance_head = None
        if width:
            dimension = encoder.architecture.dimension
            self.instance_head = nn.Sequential(
                nn.Linear(encoder.channels, width, bias=False),
                nn.BatchNorm1d(width),
                nn.ReLU(inplace=True),
                nn.Linear(width, dimension, bias=False),
            )

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.encoder.pool(self.encoder.backbone(inputs))
        embeddings = self.encoder.project(pooled)
        if self.instance_head is None:
            return embeddings, embeddings
        return embeddings, nn.functional.normalize(self.instance_head(pooled).float(), dim=1)


def decay_groups(parameters: Sequence[nn.Parameter], decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels, none for biases and normalisation."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
