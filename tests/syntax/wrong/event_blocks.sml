model Ball
  var h start 1
  var v start 0
  discrete n = 0
equations
  der(h) = v
  der(v) = -9.81
  assert h > -1
  when h < 0
    if v < 0 then
      v := -v
    else
      v := 0
    end
    n += 1
    der(v) := 3
  else
    n := 0
  end
  when n > 5
    stop
    when h > 2
      n := 0
    end
    for i in 1..3
      n := i
    end
  end
end
