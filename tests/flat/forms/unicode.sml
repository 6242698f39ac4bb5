model Öl "Überdruck"
  param Δp = 1 [Pa]
  var größe start 1
equations
  der(größe) = -größe*Δp
end
