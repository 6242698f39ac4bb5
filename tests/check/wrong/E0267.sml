model Counter
  var x start 1
  discrete n = 0
equations
  der(x) = -1
  when x < 0
    x := 1
    n := n + 1
    n := 2*n
  end
end
