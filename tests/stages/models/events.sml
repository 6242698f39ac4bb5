model Room
  param Tset = 20
  discrete on = 1
  discrete count = 0
  var T start 18
equations
  der(T) = -(T - 10)/10 + 2*on
  when T > Tset + 0.5
    on := 0
  elsewhen T < Tset - 0.5
    on := 1
    count := count + 1
  end
  when every 5 from 1
    T := T - 0.1
  end
  when count > 100
    stop "worn out"
  end
  assert T > 0, "froze"
end
