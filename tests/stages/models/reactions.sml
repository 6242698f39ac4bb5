model Reactions "mass action, there and back"
  param kf = 3
  param kr = 1
  var A start 1
  var B start 0
reactions
  2*A <-> B @ kf, kr
end
