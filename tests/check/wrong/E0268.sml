model Doses
  param again = 12
  var depot start 10
equations
  der(depot) = -0.1*depot
  when time == again
    depot := depot + 5
  elsewhen depot < 1 and mod(time, 24) == 0
    depot := depot + 1
  end
end
