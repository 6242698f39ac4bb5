"""Nonlinear systems: damped Newton, continuation, the corrector of implicit stages."""
