model M
  param k = 1;
  var x start 1;
equations
  der(x) = -k*x;
end
