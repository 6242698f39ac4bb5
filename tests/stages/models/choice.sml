model Choice "a condition on an unknown, and one on time"
  var x start 1
equations
  der(x) = (if x > 0.5 then -1 else -2) + (if time < 1 then 1 else 0)
end
