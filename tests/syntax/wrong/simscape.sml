component Tank
  nodes
    p = foundation.electrical.electrical;
  end
  parameters
    A = {1, 'm^2'};
  end
  param k = {1, '1/s'}
  var h(3) start 1
  equations
    der(h) == -A*h;
  end
end
