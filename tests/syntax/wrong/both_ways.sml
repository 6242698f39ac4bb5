model M
  param k = 1
  var A start 1
  var B start 0
reactions
  A ⇌ B @ k, k
end
