"""Prints docs/reference/vectors.json."""

import sys

from . import sections
from .form import page

sys.stdout.write(page(sections()))
