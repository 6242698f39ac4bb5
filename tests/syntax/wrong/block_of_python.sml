model M
  const k = 2
  var x[3] start 1
equations
  for i in range(3):
    if k > 1:
      der(x[i]) = -x[i]
    elif k > 0:
      der(x[i]) = 1
    else:
      der(x[i]) = 0
    end
  end
end
