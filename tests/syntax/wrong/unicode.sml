model M
  var x start 1
equations
  der(x) = −2·x
end
