model Wrong
  const N = 2
  param L = 1 [m]
  field c(x) over 0..L cells N start 1
  field d(x) over 0..1 at {0, 0.5, 0.3, 1} start 1
  field e(x) over 0..L at {0, 0.5, 0.7, 2} start 1
  field f(x) over 3..2 cells 4 start 1
  field g(x) over 0..1 cells 5 grading -1 start 1
equations
  der(c) = -c
  der(d) = -d
  der(e) = -e
  der(f) = -f
  der(g) = -g
end
