model M
  var A start 1
  var B start 0
reactions
  A <-> B @ 0.1
  A -> B @ 1, 2
  1.5 A -> B @ 1
 A + 2 -> B @ 1
 A => B @ 1
 A --> B @ 1
end
