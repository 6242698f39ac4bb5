function f(a) = g(a) + 1
function g(a) = f(a)/2

model M
  var x start 1
equations
  der(x) = -f(x)
end
