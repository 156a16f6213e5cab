"""Films in memory, in the place of decoded ones."""


class Held:
    """Films uint8 [N, S, S]: as many as their rows, by number or taken."""

    def __init__(self, pixels):
        self.pixels = pixels

    def __len__(self):
        return len(self.pixels)

    def __getitem__(self, rows):
        return self.pixels[rows]

    def take(self, rows):
        return Held(self.pixels[rows])
