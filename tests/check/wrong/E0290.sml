model M
  table ocv = csv("missing.csv", x = "soc", y = "v")
  table heat = csv("../elsewhere.csv")
  table wear = csv("table_words.csv", x = "soc", y = "v")
  var q start 0.5
equations
  der(q) = -ocv(q) - heat(q) - wear(q)
end
