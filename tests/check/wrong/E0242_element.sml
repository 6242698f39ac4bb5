model Room
  const n = 2
  param C[n] = 1
  var T start 1
equations
  der(T) = -T*sum(C)
end

model House
  part rooms[3] : Room
end

model Cold extends Room(C[1] = 2)
end

model M
  part house : House(rooms[2].n = 3, rooms.C[1, 2] = 3, rooms[1].C = 2, rooms[1].C = 3)
end
