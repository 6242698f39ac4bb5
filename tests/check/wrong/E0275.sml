model M
  param a = 1 ~ gaussian(1, 0.1)
  param b = 1 ~ poisson(1)
  random c ~ norml(0, 1)
  random d ~ beta(1, 2)
  var x start 1
  observe y ~ uniform(0, 1)
  observe z ~ student_t(4, x, 1)
equations
  der(x) = -a*x
end
