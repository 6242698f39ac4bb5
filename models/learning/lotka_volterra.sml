# Predators and prey whose encounters are not known: a network stands in their place and learns them from data, while
# births and deaths are what they are (a universal differential equation, Rackauckas et al. 2020).
# checked value: SciPy's Radau at rtol 1e-12 on the same network by NumPy

model LotkaVolterra "prey and predators with a law that is learned"
  param birth = 1.3 in 1..1.6
  param death = 1.8 in 1.5..2.1
  network encounters(x, y) -> rates[2] hidden 12, 12 activation silu seed 4 scale x by 5, y by 5 "what prey loses, and predators gain"
  var prey start 0.44249296 min 0
  var predators start 4.6280594 min 0
  var law[2] "what the network says"
equations
  law = encounters(prey, predators)
  der(prey) = birth*prey - law[1]
  der(predators) = law[2] - death*predators
experiment
  time 0..3
end

test "the solution with the initial weights"
  simulate time 0..1, rtol 1e-9
  expect prey at 1 = 1.749288 within 1e-6
  expect predators at 1 = 0.732581897 within 1e-6
end
