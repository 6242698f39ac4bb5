model M
  network g(T) -> r hidden 8
  var x start 1
equations
  der(x) = -x
end
