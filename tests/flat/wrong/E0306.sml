model M
  const n = 30
  var x[n] start 1
equations
  for i in 1..n
    der(x[i]) = -x[i]
    when x[i] < i/100 priority i
      x[i] := 1
    end
  end
end
