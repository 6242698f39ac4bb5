model M
  param V = 1 [mol/(L*s)]
  param Km = 0.5 [mol/L]
  var A [mol/L] start 1
  var B [mol/L] start 0
reactions
  A -> B @ V*A/(Km + A)
  A -> B rate V*A
end
