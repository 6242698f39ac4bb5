connector Plug
  potential v
  flow i
  part p : Pin
end
