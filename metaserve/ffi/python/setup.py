"""The wheel's tag: any Python 3, on the platform that the C library in it is for."""

from typing import Tuple

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel


class Package(Distribution):
    """A package with a library that is no extension module of Python's."""

    def has_ext_modules(self) -> bool:
        """Whether it belongs where packages of one platform are."""
        return True


class Wheel(bdist_wheel):
    """A wheel for any version of Python."""

    def get_tag(self) -> Tuple[str, str, str]:
        """Python, its ABI, and the platform."""
        return ("py3", "none", super().get_tag()[2])


setup(distclass=Package, cmdclass={"bdist_wheel": Wheel})
