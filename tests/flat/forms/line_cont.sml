model L "long"
  param a = 1 +
    2 +
    3
  param b = (1
    + 2)
  var x start 1
  var y[3] start {
    1,
    2,
    3
  }
equations
  der(x) = -x
    + a
    + b*(x
    + 2)
  der(y[1]) =
    -y[1]
  der(y[2]) = if x > 1
    then 1
    else 2
  der(y[3]) = 0
end
