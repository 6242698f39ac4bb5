model M
  param k = 1
  var A start 1
reactions
  A -> @ k
end
