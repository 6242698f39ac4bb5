"""Syntax tree → checked model: every name, class, index and unit is known, every expression is in SI."""

from stiffdsl.check.compile import check, check_file
from stiffdsl.check.model import CheckedModel, Class, ComponentUse

__all__ = ["CheckedModel", "Class", "ComponentUse", "check", "check_file"]
