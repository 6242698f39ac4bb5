enum Mode {up, down}

model Lift
  var z start 0
  discrete mode : Mode = up
  discrete n = 0
equations
  der(z) = if mode == up then 1 else -1
  when z == 2 and mode == up
    mode := down
    n := n + 1
  elsewhen n == 3
    stop "enough"
  end
end
