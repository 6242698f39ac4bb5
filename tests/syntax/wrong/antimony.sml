model feedback()
  species S1, S2;
  J0: $X0 -> S1; Vm*(X0 - S1)/(1 + X0);
  J1: S1 -> S2; k1*S1;
  J2: S2 -> S1; k2;
  S1 = 0; S2 = 0;
  k1 = 0.1;
  at (time > 5): S1 = 3;
end
