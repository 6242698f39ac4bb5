model M
  table back = {(0, 1), (2, 3), (1, 2)}
  table twice = {(0, 1), (1, 2), (1, 3)}
  table grid = csv("table_hole.csv", x = "a", y = "b", z = "z")
  table gap = csv("table_gap.csv", x = "soc", y = "v")
  var q start 0.5
equations
  der(q) = -back(q) - twice(q) - grid(q, q) - gap(q)
end
