table cop(Tin [degC], Tout [degC]) [1] = {(0, 0, 1), (0, 1, 2), (1, 0, 3), (1, 1, 4)}
table power(T [degC]) [W] = {(0, 1), (1, 2)}

model Cell
  table ocv(soc [1]) [V] = {(0, 3), (1, 4)}
  param k = 1
  var q start 0.5
  output v [V] = ocv(q)
equations
  der(q) = -k*q
end

model Pack
  param k = 1
  part a : Cell(ocv = cop)
  part b : Cell(ocv = power)
  part c : Cell(ocv = k)
  part d : Cell(ocv = ocw)
end
