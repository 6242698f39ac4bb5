model M
  param water = 55
  var A start 1
  var B start 0
reactions
  A + water -> B @ 2
end
