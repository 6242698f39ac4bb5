model M
  param limit = 2
  param on0 = 1
  var x start 1
equations
  der(x) = -x
  when limit > 1
    x := 2
  end
  assert on0 > 0, "switched off"
end
