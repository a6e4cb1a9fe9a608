"""The errors that this package raises on purpose. Knows nothing of the rest of the package.

Every message says what is wrong, where (the row, the file, the line), and what to type next.
"""


class AlignScoreError(Exception):
    """Base class of every error that this package raises on purpose."""


class InputError(AlignScoreError, ValueError):
    """The user's data cannot be used: a wrong type, a missing column, a broken line."""


class ConfigurationError(AlignScoreError, ValueError):
    """An option, a name or a configuration file asks for something that does not exist."""


class MissingResourceError(AlignScoreError, RuntimeError):
    """Something that was asked for by name is not on this machine: data, weights, an extra."""


class CheckpointError(AlignScoreError, RuntimeError):
    """A checkpoint is damaged, incomplete, or not what its configuration says."""


class NumericalError(AlignScoreError, ArithmeticError):
    """A model gave a number that is no score: NaN or infinity."""


class WorkerError(AlignScoreError, RuntimeError):
    """A process that scores died again and again: over the same rows, or while it loaded."""
