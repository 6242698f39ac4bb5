model repressilator()
  compartment cell = 1;
  species X in cell, $Y in cell;
  X -> ; d*X;
  => X; a
  2 X + Y -> Z; k*X^2*Y;
  J1: X => Z; v
  X = 10; d = 0.1;
  k := a*2;
  at (time > 5): X = 3;
  a has per_sec;
  unit per_sec = 1/sec;
end
