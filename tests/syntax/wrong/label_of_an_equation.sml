model M
  var A start 1
equations
  law: der(A) = -A
end
