function dydt = f(t, y)
  k = 0.5;   % rate
  dydt = -k*y;
end
[t, y] = ode15s(@f, [0 10], [1; 0]);
model M
  param A[2, 2] = [1, 2; 3, 4]
  param b[2] = [1 2]
  var y(2) start 1
equations
  der(y) = A.*y ...
    + b
end
