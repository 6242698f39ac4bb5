model M 'a model'
  var x start 1
equations
  der(x) = -x
end
