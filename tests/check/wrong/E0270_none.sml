partial model Base
  var x
end

test "a"
  expect x < 2
end

test "b" of Base
  expect x < 2
end
