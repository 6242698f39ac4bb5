# Diffusion in a sphere of N shells; the concentration at the surface is extrapolated from the two outer ones.

from chen2020 import F

model Particle
  const N = 20
  param R = 1e-5      "radius"
  param D = 1e-14     "diffusivity"
  param c0 = 1e4      "concentration at the start"
  input j = 0         "current density through the surface, out of the particle"
  var c[N] start c0
  var flux[N]         "through the outer face of each shell"
  output surface = 1.5*c[N] - 0.5*c[N-1]
equations
  for i in 1..N-1
    flux[i] = -D*(c[i+1] - c[i])*N/R
  end
  flux[N] = j/F
  for i in 1..N
    der(c[i]) = -3*N/R*(i^2*flux[i] - (if i == 1 then 0 else (i - 1)^2*flux[max(i - 1, 1)]))/(i^3 - (i - 1)^3)
  end
end
