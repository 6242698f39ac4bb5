model Tank
  param area = 2
  var h start 1
  var out
equations
  area*der(h) = -out
  out = 0.1*h
end

model Parts "an array of parts: one family"
  const N = 3
  part tank[N] : Tank(area = 4)
end
