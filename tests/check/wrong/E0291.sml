model M
  table ocv = csv("table_ocv.csv", x = "soc", y = "volt")
  table two = csv("table_ocv.csv", x = "soc", y = "v", column = 3)
  table three(a, b) = csv("table_ocv.csv")
  table four = csv()
  var q start 0.5
equations
  der(q) = -ocv(q) - two(q) - three(q, q) - four(q)
end
