model M
  table ocv(soc [1]) [V] = csv("table_ocv.csv", x = "soc", y = "v")
  table power(T [degC]) [W] = csv("table_ocv.csv", x = "soc", y = "v")
  var T [K] start 300
  var v [V]
equations
  der(T) = 1 [K/s]
  v = ocv(T)
end
