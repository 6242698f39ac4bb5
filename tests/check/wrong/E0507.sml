model M
  var A [mol/m^3] start 1
  var B [mol/m^3] start 1
  param k = 1 [1/s]
reactions
  A -> B @ k
  A + B -> B @ k
end
