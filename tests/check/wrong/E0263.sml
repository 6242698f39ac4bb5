model M
  var x start 1
equations
  der(x) = -x
initial
  when x < 0.5
    x := 1
  end
end
