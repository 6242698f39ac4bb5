model Room
  param C = 1
  var T start 1
equations
  der(T) = -T/C
end

model House
  part rooms[3] : Room
end

model M
  part house : House(rooms[4].C = 2)
end
