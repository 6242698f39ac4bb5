model M
  param limit = 2
  param on0 = 1
  var x start 1
equations
  der(x) = -x
  when x < 0.5
    limit := 3
    time := 0
  end
end
