model M
  /* a comment */
  var x start 1
equations
  der(x) = -x
end
