model M
  var A start 1
  var B start 0
reactions
  A <=> B @ k
end
