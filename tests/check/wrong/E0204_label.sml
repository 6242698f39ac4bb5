model M
  var A start 1
  var bind start 0
reactions
  bind: A -> 0 @ 1
  out: A -> 0 @ 1
  out: A -> 0 @ 2
  for i in 1..3, j in 1..i
    each: A -> 0 @ i*j
  end
end
