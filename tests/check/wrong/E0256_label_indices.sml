model M
  const K = 3
  var A[K] start 1
  var B[K] start 0
reactions
  for i in 1..K, j in 1..2
    r[j, i]: A[i] -> B[i] @ 1
  end
  bind[k]: A[1] -> B[1] @ 1
end
