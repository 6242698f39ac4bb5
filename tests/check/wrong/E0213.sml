model A extends B
end

model B extends A
  var x start 1
equations
  der(x) = -x
end
