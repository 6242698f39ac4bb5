model M
  var T start 20
equations
  der(T) = 1
  when T > 21 then
    reinit(T, 20);
  end when;
end
