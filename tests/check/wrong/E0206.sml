connector Pin
  potential v [V]
  flow i [A]
end
