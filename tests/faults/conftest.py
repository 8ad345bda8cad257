"""What the tests of faults share with the acceptance tests: real files and the real command."""

from cli.conftest import copied, here, workshop

__all__ = ["copied", "here", "workshop"]
