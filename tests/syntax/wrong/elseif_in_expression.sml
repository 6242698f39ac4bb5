model M
  var x start 0
equations
  der(x) = if x < 1 then 1 elseif x < 2 then 2 else 3
end
