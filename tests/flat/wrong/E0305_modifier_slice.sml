model Room
  param C = 1
  var T start 1
equations
  der(T) = -T/C
end

model House
  part rooms[4] : Room
end

model M
  part house : House(rooms[2..3].C = {1, 2, 3})
end
