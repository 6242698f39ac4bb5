model M
  discrete on = true
  var x start 1
equations
  der(x) = -x
  when x < 0.5
    on := false
  end
end
