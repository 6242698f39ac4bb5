model toy
  compartment C1 = 1
  species S1 in C1, S2 in C1
  J0: S1 -> S2; k*S1
  S1 = 10; k = 0.1
end
