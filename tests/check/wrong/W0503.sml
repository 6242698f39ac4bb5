model M
  param V = 1
  param Km = 0.5
  var A start 1
  var B start 0
  var E start 0.1
reactions
  A -> B @ V/(Km + A)
  A + E -> B + E @ V/(Km + E)
  A <-> B @ V, V*B
  2 E -> E @ V*E
  A -> B rate V*A/(Km + A)
end
