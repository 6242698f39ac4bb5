model M
  param P = 2
  var x start 1
equations
  der(x) = -x
  when every P after 1 while
    x := 1
  end
  when start after P while
    x := 2
  end
end
