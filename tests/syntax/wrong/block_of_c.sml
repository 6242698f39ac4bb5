model M {
  const k = 2
  var x[3] start 1
equations
  for (i = 1; i <= 3; i++) {
    if (k > 1) {
      der(x[i]) = -x[i] }
    else if (k > 0) {
      der(x[i]) = 1
    } else {
      der(x[i]) = 0
    }
  }
  for j in 1..3 { x[j] = 1 }
}
