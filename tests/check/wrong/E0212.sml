from parts import TwoPin

model M
  part t : TwoPin
end
