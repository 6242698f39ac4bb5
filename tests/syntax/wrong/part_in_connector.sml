connector Plug
  potential v
  flow i
  port p : Pin
end
