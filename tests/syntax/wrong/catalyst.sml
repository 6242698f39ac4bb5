rn = @reaction_network begin
  k1, A --> B
  k2, B --> 0
end
