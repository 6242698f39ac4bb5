test steady
end
test "a" for M
end
test("b") of M
end
test "c" of M expect x = 1
end
test "d":
end
test
end
tset "e"
  expect x = 1
end
model M
  test "f"
    expect x = 1
  end
end
test "g"
  expect x = 1
