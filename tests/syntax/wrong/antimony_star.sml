model *toy()
  A -> B; k1*A
  A = 1; k1 = 2
end
