within Foo.Bar;
connector Pin
  Modelica.Units.SI.Voltage v;
  flow Real i;
end Pin;
model M
  extends TwoPin;
  import Modelica.Units.SI;
  SI.Voltage v(start=1);
  Modelica.Blocks.Interfaces.RealInput u;
  inner parameter Real k(unit="1/s", min=0, max=10) = 1 "gain";
  Real x[3](each start = 0, each fixed = true), y;
  Modelica.Electrical.Analog.Basic.Resistor r(R=100);
  replaceable model P = Q;
initial equation
  y = 1;
equation
  connect(r.p, u);
  annotation(Icon());
end M;
