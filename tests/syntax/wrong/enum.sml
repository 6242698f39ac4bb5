enum Mode = {off, on}
enum Mode {off, on, off}
enum Mode off, on
model M
  enum Mode {a, b}
  var x : Real
equations
  der(x) = -x
end
