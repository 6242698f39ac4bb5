model R
  const N = 3
  param k1 = 1
  param kf[N] = {1, 2, 3}
  param kr = 0.5
  var A start 1
  var B start 0
  var C start 0
  var S[N + 1] start (if i == 1 then 1 else 0 for i in 1..N+1)
reactions
  A     -> B      @ k1
  B + B -> C + B  @ k1
  2*A + B <-> C @ kf[1], kr
  2 C -> A @ 0.1
  0 -> A @ 0.01
  C -> 0 @ kr*2
  for i in 1..N
    S[i] <-> S[i+1] @ kf[i], kr
  end
end
