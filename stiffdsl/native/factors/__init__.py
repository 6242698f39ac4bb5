"""Static sparse factors of `W = alpha M - J`, pivoted ones to fall back on, and those of Krylov methods."""
