model C
  var x start 1
  var v start 0
equations
  der(x) = -x
  der(v) = 1
  when x < 0.5
    x := 1; v := 2
  end
end
model D
  var x start 1
  var v start 0
equations
  der(x) = -x
  der(v) = 1
  when x < 0.5
    x := 1, v := 2
  end
end
