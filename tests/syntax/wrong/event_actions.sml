model M
  var v start 1
  discrete n = 0
equations
  der(v) = -v
  when v < 0.5
    n = 1
  end
  when v < 0.4
    reinit(v, 1)
  end
  when v < 0.3
    terminate("x")
  end
end
