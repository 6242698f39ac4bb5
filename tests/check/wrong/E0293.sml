model M
  param a[2] = {(1, 2), (3, 4)}
  table smooth = csv("table_ocv.csv", x = "soc", y = "v", method = cubik)
  table beyond = csv("table_ocv.csv", x = "soc", y = "v", outside = clamp)
  table number = 3
  table names = {(0, a), (1, 2)}
  table bare = {1, 2, 3}
  table wide(p, q) = csv("table_hole.csv", method = cubic)
  var q start 0.5
equations
  der(q) = -smooth(q) - beyond(q) - number(q) - names(q) - bare(q) - wide(q, q)
end
