model Alias "a chain of equal variables is one unknown"
  var x start 1
  var y
  var z
equations
  der(x) = -z
  y = x
  z = -(-y)
end
