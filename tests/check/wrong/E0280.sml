enum Mode {off, heating, cooling}
enum Valve {open, closed}

function gain(m) = 2*m

model Room
  param mode : Mode = off
  param k = 1
end

model M
  param mode : Mode = heatin
  param valve : Valve = mode
  param speed : Mode = 2
  param level : Levels = off
  param q : Mod = off
  part room : Room(mode = open)
  part other : Room(k = Mode.off)
  var x : Mode
  param bad : Mode [m] = off
  var y start 1
equations
  der(y) = -y*mode + gain(mode)
  x = if mode == open then 1 else 2
  if mode then
    y = 1
  end
  y = if mode == 1 then 1 else if mode < heating then 2 else off + Mode.of
  y = Mode
end
