"""Prints constraints for pip: the oldest version of each dependency that setup.cfg allows.

Of pyarrow too, which datasets brings: its newest wants a newer numpy and does not tell pip. Of
torch that of constraints.txt is kept unless --torch is given: on PyPI, older ones for Linux come
with gigabytes of libraries for GPUs.
"""

import argparse
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def oldest(requirement: str) -> str:
    """The oldest version that a requirement allows.

    Args:
        requirement: A name and its least version, as setup.cfg has them.

    Raises:
        ValueError: It is not of this form.

    Example:
        >>> oldest("numpy>=1.26")
        'numpy==1.26'
        >>> oldest("numpy")
        Traceback (most recent call last):
        ...
        ValueError: 'numpy' names no least version; write it as NAME>=VERSION
    """
    name, separator, version = requirement.partition(">=")
    if not separator or "," in version:
        raise ValueError(f"{requirement!r} names no least version; write it as NAME>=VERSION")
    return f"{name}=={version}"


def main() -> None:
    """Print a line for each dependency of the core."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", metavar="VERSION", help="default: that of constraints.txt")
    torch = parser.parse_args().torch
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    core = setup["options"]["install_requires"].split()
    extra = setup["options.extras_require"]["leaderboards"].split()
    for requirement in core + [each for each in extra if each.startswith("pyarrow>")]:
        if not requirement.startswith("torch>"):
            print(oldest(requirement))
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").strip()
    print(f"torch=={torch}" if torch else pinned)


if __name__ == "__main__":
    main()
