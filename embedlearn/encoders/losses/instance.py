"""Instance discrimination: two views of a film find each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from embedlearn.encoders.losses.base import Comparison, Term


@dataclass(frozen=True)
class InstanceLoss:
    """NT-Xent (Chen 2020, eq. 1): each view of a film is to find the other among all columns. Labels play no part."""

    temperature: float

    def term(self, comparison: Comparison, partner: Tensor) -> Term:
        """The mean over the anchors; `partner`, int64 [A], is the column of each anchor's other view.

        A film that stands in the batch more than once is no rival of its own: its other columns are left out.
        """
        films = comparison.films
        left_out = (films[comparison.own][:, None] == films).scatter(1, partner[:, None], False)
        similarity = comparison.anchors @ comparison.columns.T / self.temperature
        similarity = similarity.masked_fill(left_out, -torch.inf)
        return Term.over(nn.functional.cross_entropy(similarity, partner, reduction="none"))
