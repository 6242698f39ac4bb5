model M
  // a comment
  var x start 1 // state
equations
  der(x) = -x
end
