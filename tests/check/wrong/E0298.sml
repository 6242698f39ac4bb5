network shared(x) -> y hidden 4

model Cell
  network g(x) -> y hidden 4
  var x start 1
equations
  der(x) = g(x)
end

model Pack
  part a : Cell(g = shared)
  part b : Cell(g.weight1 = 0)
end
