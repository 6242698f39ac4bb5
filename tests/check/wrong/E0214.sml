model Room
  part wall : Wall
end

model Wall
  part room : Room
end
