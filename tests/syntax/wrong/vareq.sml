model M
  x start 1
equations
  der(x) = -x
end
