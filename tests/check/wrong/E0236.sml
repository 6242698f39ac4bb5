function f0(a) = a*a + 1
function f1(a) = f0(f0(a))
function f2(a) = f1(f1(a))
function f3(a) = f2(f2(a))
function f4(a) = f3(f3(a))
function f5(a) = f4(f4(a))
function f6(a) = f5(f5(a))
function f7(a) = f6(f6(a))
function f8(a) = f7(f7(a))
function f9(a) = f8(f8(a))
function f10(a) = f9(f9(a))
function f11(a) = f10(f10(a))
function f12(a) = f11(f11(a))
function f13(a) = f12(f12(a))
function f14(a) = f13(f13(a))
function f15(a) = f14(f14(a))
function f16(a) = f15(f15(a))

model M
  var x start 1
equations
  der(x) = f16(x)
end
