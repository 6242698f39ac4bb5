model M
  var x start 1
  der(x) = -x
end
