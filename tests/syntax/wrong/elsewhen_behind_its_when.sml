model C
  var x start 1
  discrete n = 0
equations
  der(x) = -x
  when x < 0.5
    n := 1
  end
  elsewhen x < 0.2
    n := 2
  end
end
