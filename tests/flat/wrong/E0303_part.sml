model A
  var v start 1
equations
  der(v) = -v
end
model M
  part a[2] : A
  output y = a[3].v
end
