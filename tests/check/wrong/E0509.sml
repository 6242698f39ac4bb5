model M
  param k = 2
  var A [mol/L] start 1
  var B [mol/L] start 0
reactions
  A + A -> B @ 1
  2 A -> B @ 3*k
  2 A <-> B @ k, k
  0 -> A @ 1e-3
  A -> B @ k
  A -> 0 rate 5
end
