"""Coefficients over parameters times functions of time: LPCTESN, NPCTESN, RBF and neural surrogates."""
