"""The exceptions that a user can cause. A command prints the message in one line and exits with code 2.

A message says which file or flag, what was wanted, what was got, and what to do.
"""


class EmbedlearnError(Exception):
    """Anything a user can cause and mend."""


class ArgumentError(EmbedlearnError, ValueError):
    """A flag or an argument has a value that cannot be used."""


class ArgumentTypeError(ArgumentError, TypeError):
    """An argument holds things of a type that cannot be used, such as dictionaries where numbers were wanted."""


class ImageError(EmbedlearnError):
    """A film cannot be read."""


class ManifestError(EmbedlearnError):
    """A folder or a table does not describe a usable set of films."""


class EpisodeError(EmbedlearnError, ValueError):
    """The films at hand do not allow the episodes that were asked for."""


class InexactError(EmbedlearnError):
    """A network whose score is no exact sum over the places of a film."""


class CheckpointError(EmbedlearnError):
    """A run folder, or a file of it, is missing, torn or not ours."""


class MismatchError(EmbedlearnError):
    """Two things that do not belong together, such as embeddings and another run's encoder."""


class StorageError(EmbedlearnError):
    """A file cannot be written, or what was written is torn or damaged; a database cannot be reached."""
