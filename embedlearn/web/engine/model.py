"""The encoder in one thread of its own: what comes while it works is answered together next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.inputs import standardise
from embedlearn.web.face import BusyError

MOST = 32  # films answered together
Observe = Callable[[int, float], object]


class Seen(NamedTuple):
    """What the encoder makes of a film: an embedding, float32 [D], and its features [C, h, w] where they are wanted."""

    embedding: NDArray[np.float32]
    features: Tensor | None


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A film, uint8 [S, S], and who waits for it."""

    square: NDArray[np.uint8]
    features: bool
    answer: asyncio.Future[Seen]


class Model:
    """An encoder that many ask at once.

    There is no waiting for company: a film that comes alone is answered alone, and what comes meanwhile makes up the
    next batch, `most` films at the most. `queue`: films that may wait, beyond which a `BusyError` is raised. `observe`
    is told of each batch its films and its seconds.
    """

    def __init__(
        self,
        saved: SavedEncoder,
        device: torch.device,
        *,
        most: int = MOST,
        queue: int = 1_000,
        observe: Observe | None = None,
    ) -> None:
        self.saved, self.device, self.most, self.queue, self.observe = saved, device, most, queue, observe
        self.encoder = saved.encoder.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._work: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many films wait."""
        return len(self._waiting)

    async def see(self, square: NDArray[np.uint8], *, features: bool = False) -> Seen:
        """What the encoder makes of one film, uint8 [S, S]. Raises `BusyError`."""
        if len(self._waiting) >= self.queue:
            raise BusyError(f"{len(self._waiting):,} films are waiting already; send this one again in a moment")
        answer: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(square, features, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._answer_all())
        return await answer

    def warm_up(self) -> None:
        """Answer an empty film: what torch prepares at the first call is then prepared."""
        side = self.saved.preprocessing.size
        self._forward(np.zeros((1, side, side), np.uint8), [True])

    def close(self) -> None:
        """Let the thread end when its work is done."""
        self._thread.shutdown(wait=False)

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(self.most, len(self._waiting)))]
            batch = [one for one in batch if not one.answer.cancelled()]  # whoever asked has gone
            if not batch:
                continue
            try:
                start = loop.time()
                squares, wanted = np.stack([one.square for one in batch]), [one.features for one in batch]
                seen = await loop.run_in_executor(self._thread, self._forward, squares, wanted)
                if self.observe:
                    self.observe(len(batch), loop.time() - start)
            except Exception as error:
                for one in batch:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                continue
            for one, found in zip(batch, seen, strict=True):
                if not one.answer.done():
                    one.answer.set_result(found)

    @torch.inference_mode()
    def _forward(self, squares: NDArray[np.uint8], wanted: list[bool]) -> list[Seen]:
        greys = torch.from_numpy(squares)[:, None].to(self.device).float() / 255
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            features = self.encoder.backbone(standardise(greys, self.saved.preprocessing))
            embeddings = self.encoder.project(self.encoder.pool(features)).cpu().numpy()
        return [
            Seen(embedding, features[place].clone() if want else None)
            for place, (embedding, want) in enumerate(zip(embeddings, wanted, strict=True))
        ]
