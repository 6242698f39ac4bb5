model start_stop
  param start_value = 1
  param stop = 2
  param end_time = 3
  param in_flow = 1
  param initial = 4
  param flow = 2
  param every = 3
  param points = 3
  var on start 1
  var port start 2
  var guess start 3
equations
  der(on) = -on*stop*initial
  der(port) = flow*every
  der(guess) = points
end
