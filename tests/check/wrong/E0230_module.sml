model M
  var x start 1
equations
  der(x) = math.exp(-x) + np.maximum(x, 0)
end
