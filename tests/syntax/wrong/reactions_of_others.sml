model A
  param k = 0.1
  var S1 start 10
  var S2 start 0
reactions
  S1 => S2 @ k
  S1 --> S2 @ k
  S1 -> S2, k
  S1 -> S2 : k*S1
  S1 -> S2 (k)
  R1: S1 -> S2; k*S1
end
