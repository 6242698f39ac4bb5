model Pr
  var x start 2
  var a = -x^2
  var b = 2^-x
  var c = -2*x/3/4
  var d = x^2^0.5
  var e = not_zero(x)
  var f = x - -1
  var g = +x
equations
  der(x) = 1
end
function not_zero(x) = if not x == 0 and x > -1 or false then 1 else 0
