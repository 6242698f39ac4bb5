model Redundant "an equation that repeats what others say"
  var x start 1
  var y
  var z
equations
  der(x) = -x
  y + z = x
  2*y - z = x
end
