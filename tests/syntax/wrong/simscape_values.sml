component spring
  nodes
    r = foundation.mechanical.translational.translational;
  end
  parameters
    k = {10, 'N/m'};
  end
  variables
    x = {0, 'm'};
  end
  equations
    f == k*x;
    v == x.der;
  end
end
