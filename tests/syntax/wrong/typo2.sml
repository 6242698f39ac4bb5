model M
  parm k = 1
  vra x start 1
equatons
  der(x) = -k*x
end
