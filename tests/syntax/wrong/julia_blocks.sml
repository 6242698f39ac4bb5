@mtkmodel FOL begin
  @parameters begin
    τ = 3.0
  end
  @variables begin
    x(t) = 0.0
  end
  @equations begin
    D(x) ~ (1 - x) / τ
  end
end
