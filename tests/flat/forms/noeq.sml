model E
  param a = 1
  var x = a + time
  output y = 2*x
end
